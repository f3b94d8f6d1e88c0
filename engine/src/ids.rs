//! The identities that cross function boundaries, each its own type.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

number!(
    /// One run of a workflow; grows with every instance created.
    InstanceId(i64)
);
number!(
    /// One process of one node, from its start to its end; from a database sequence, never used again.
    Incarnation(i64)
);
number!(
    /// Grows by one with each change of an instance's owner; the fencing token.
    Epoch(i64)
);
number!(
    /// Grows with every commit of an instance; the optimistic lock inside one epoch.
    Revision(i64)
);
number!(
    /// The position of a task in its definition, from 0, in document order.
    TaskIndex(u32)
);
number!(
    /// The number of an attempt within its task instance, from 1; never used again.
    AttemptNumber(u32)
);
number!(
    /// Counts the starts of an instance: 1, and one more per recover, rerun or resume from stopped.
    Run(u32)
);
number!(
    /// One accepted command: the id of its inbox row.
    OperationId(i64)
);
number!(
    /// One schedule of a workflow.
    ScheduleId(i64)
);
number!(
    /// One backfill of a workflow.
    BackfillId(i64)
);
number!(
    /// One alert: what a rule makes of an event.
    AlertId(i64)
);
number!(
    /// One message to one channel; receivers drop repetitions by it.
    DeliveryId(i64)
);
number!(
    /// Raised after a restore of the database; epochs compare as (generation, epoch).
    Generation(i64)
);
number!(
    /// An instant by the database's clock, in milliseconds since 1970-01-01 UTC.
    Timestamp(i64)
);

impl TaskIndex {
    /// Returns it as an index into per-task vectors.
    pub fn as_usize(self) -> usize {
        self.0 as usize
    }
}

impl Timestamp {
    /// Returns the instant `ms` milliseconds later.
    pub fn plus(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Returns the milliseconds from `earlier` to this instant.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Names one dispatch of one attempt to one worker incarnation. Users see it as the `uid` of an attempt.
///
/// Written as `generation-instance-task-attempt-dispatch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DispatchId {
    /// The database's generation.
    pub generation: Generation,
    /// The instance.
    pub instance: InstanceId,
    /// The task.
    pub task_index: TaskIndex,
    /// The attempt.
    pub attempt: AttemptNumber,
    /// How often the attempt was bound to a worker, from 1.
    pub dispatch_number: u32,
}

impl fmt::Display for DispatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            generation,
            instance,
            task_index,
            attempt,
            dispatch_number,
        } = self;
        write!(
            f,
            "{generation}-{instance}-{task_index}-{attempt}-{dispatch_number}"
        )
    }
}

/// A text that is not a uid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an attempt uid (generation-instance-task-attempt-dispatch)")]
pub struct InvalidDispatchId(pub String);

impl FromStr for DispatchId {
    type Err = InvalidDispatchId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || InvalidDispatchId(text.to_owned());
        let parts: Vec<i64> = text
            .split('-')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map_err(|_| bad())?;
        let [generation, instance, task_index, attempt, dispatch_number] = parts[..] else {
            return Err(bad());
        };
        let small = |n: i64| u32::try_from(n).map_err(|_| bad());
        Ok(Self {
            generation: Generation(generation),
            instance: InstanceId(instance),
            task_index: TaskIndex(small(task_index)?),
            attempt: AttemptNumber(small(attempt)?),
            dispatch_number: small(dispatch_number)?,
        })
    }
}

impl Serialize for DispatchId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DispatchId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
