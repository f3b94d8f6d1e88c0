//! Porpoise.
fn main() {}
