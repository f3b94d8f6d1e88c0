//! The program as others meet it, and the rules of the house.

mod cli;
mod postgres;
mod store;
mod tidy;
