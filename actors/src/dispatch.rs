//! Hands out slots of workers and sends attempts.
