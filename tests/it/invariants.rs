//! Shows that each invariant of the database is violated by rows that break it.

mod planted;
