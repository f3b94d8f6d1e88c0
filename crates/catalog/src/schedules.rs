//! Schedules of workflows, what became of their fires, and the calendars that they keep to.

pub(crate) mod calendars;
pub(crate) mod document;
pub(crate) mod effective_calendars;
pub(crate) mod rows;
pub(crate) mod stored;

mod fires;
mod lists;
mod manager;

pub use self::calendars::{CalendarChange, CalendarScope, Calendars, NewCalendar, StoredCalendar};
pub use self::fires::ScheduleFire;
pub use self::lists::ScheduleFilter;
pub use self::manager::ScheduleManager;
pub use self::stored::{Schedule, ScheduleChange, ScheduleName, ScheduleSwitch, Schedules};
