//! Node to node over real sockets: what is refused, what is surely not delivered, what is only silent.

mod house;
mod refusals;
mod suite;
