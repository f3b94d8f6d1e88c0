//! The program as others meet it, and the rules of the house.

mod api;
mod postgres;
mod store;
mod tidy;
