//! The places of the instance of a batch.

use super::InstanceDraft;
use crate::place::{PlaceOutlook, PlaceRequest};

impl InstanceDraft<'_> {
    /// Sets what is known of the places.
    pub(in crate::instance) fn set_places(&mut self, places: PlaceOutlook) {
        self.places = places;
    }

    /// Returns what is known of the places.
    pub(in crate::instance) fn places(&self) -> &PlaceOutlook {
        &self.places
    }

    /// Sets what the commit needs of the places.
    pub(in crate::instance) fn request_place(&mut self, request: PlaceRequest) {
        self.place = Some(request);
    }
}
