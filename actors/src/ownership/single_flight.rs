//! At most one run of a repeated piece of work at a time, with one more after it when it was requested meanwhile.

/// Whether a piece of work is in flight, and whether to repeat it.
#[derive(Debug, Default)]
pub(crate) struct SingleFlight {
    in_flight: bool,
    requested_again: bool,
}

/// What to do at a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlightDecision {
    /// Run it.
    Run,
    /// It is in flight, and will run again.
    Wait,
}

impl SingleFlight {
    /// Requests a run.
    pub(crate) fn request(&mut self) -> FlightDecision {
        if std::mem::replace(&mut self.in_flight, true) {
            self.requested_again = true;
            return FlightDecision::Wait;
        }
        FlightDecision::Run
    }

    /// Ends a run; returns whether another one was requested in the meantime.
    pub(crate) fn finish(&mut self) -> bool {
        self.in_flight = false;
        std::mem::take(&mut self.requested_again)
    }
}
