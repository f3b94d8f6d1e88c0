//! Calls between nodes over real sockets: what is refused, what is surely not delivered, what is only silent.

mod refusals;
mod suite;
mod test_node;
