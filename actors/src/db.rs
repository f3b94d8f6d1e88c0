//! The only writer of engine state.
