//! The words about calendars.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Where a calendar is.
#[derive(Debug, Clone, Args)]
pub struct CalendarPlace {
    /// Project of the calendar
    #[arg(long, value_name = "PROJECT", default_value = "default")]
    pub project: String,
    /// The shared ones, which every project may use
    #[arg(long, conflicts_with = "project")]
    pub shared: bool,
}

/// The days of the week that belong to a calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DaysOfWeek {
    /// Every day
    All,
    /// Monday to Friday
    Weekdays,
}

/// A calendar as it is set: what is not given has its default.
#[derive(Debug, Args)]
pub struct SetCalendarArgs {
    /// Name of the calendar
    pub calendar: String,
    #[command(flatten)]
    pub place: CalendarPlace,
    /// IANA name of the zone in which an instant has its date [default: that of the schedule]
    #[arg(long, value_name = "ZONE", conflicts_with = "file")]
    pub timezone: Option<String>,
    /// The days that belong to it when nothing else is said
    #[arg(long, value_enum)]
    pub days: Option<DaysOfWeek>,
    /// A date that does not belong to it; may be repeated
    #[arg(long, value_name = "DATE", conflicts_with = "file")]
    pub exclude: Vec<String>,
    /// A date that belongs to it; may be repeated
    #[arg(long, value_name = "DATE", conflicts_with = "file")]
    pub include: Vec<String>,
    /// For people
    #[arg(long, conflicts_with = "file")]
    pub description: Option<String>,
    /// Exclude the dates of an iCalendar file, or of stdin with `-`
    #[arg(short = 'f', long, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum CalendarCommand {
    /// List the calendars of a project, or the shared ones
    List(CalendarPlace),
    /// Print one
    Get {
        /// Name of the calendar
        calendar: String,
        #[command(flatten)]
        place: CalendarPlace,
    },
    /// Make or replace one
    Set(SetCalendarArgs),
    /// Delete one that no schedule names
    Delete {
        /// Name of the calendar
        calendar: String,
        #[command(flatten)]
        place: CalendarPlace,
    },
}
