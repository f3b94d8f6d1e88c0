//! The program as others meet it, and the rules of the house.

mod api;
mod cli;
mod nodes;
mod postgres;
mod store;
mod supervision;
mod tidy;
