//! Commands about schedules.

use reqwest::Method;
use serde_json::{Value, json};

use super::admin::delete;
use super::args::{CountArgs, OneSchedule, ScheduleCommand, SetScheduleArgs, TimingArgs};
use super::body::Body;
use super::failure::Failure;
use super::output::{Printer, TableLayout};
use super::rest::{Call, Rest};
use super::schedule_preview::{print_fire_times, print_preview};
use super::suggestion;

const SCHEDULES: TableLayout = TableLayout {
    name: "name",
    columns: &[
        ("PROJECT", "/project"),
        ("WORKFLOW", "/workflow"),
        ("SCHEDULE", "/name"),
        ("ENABLED", "/enabled"),
        ("NEXT", "/next_fire_at"),
        ("LAST", "/last_fire_at"),
        ("TIMEZONE", "/timezone"),
        ("FIRES", "/description"),
        ("ATTENTION", "/attention/code"),
    ],
};

const FIRES: TableLayout = TableLayout {
    name: "fire_at",
    columns: &[
        ("FIRE", "/fire_at"),
        ("FIRST", "/first_fire_at"),
        ("COUNT", "/count"),
        ("OUTCOME", "/outcome"),
        ("LATE MS", "/late_ms"),
        ("INSTANCE", "/instance"),
        ("WHY", "/why"),
    ],
};

/// Runs a command; `preview` without a calendar needs no server.
pub(super) fn run(
    command: ScheduleCommand,
    connect: impl FnOnce() -> Result<Rest, Failure>,
    printer: Printer,
) -> Result<(), Failure> {
    match command {
        ScheduleCommand::Preview(args) => print_preview(&args, connect, printer),
        command => run_on_server(command, &connect()?, printer),
    }
}

fn run_on_server(command: ScheduleCommand, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    match command {
        ScheduleCommand::List {
            project,
            workflow,
            enabled,
        } => {
            let call = Call::get(&["schedules"])
                .maybe("project", project)
                .maybe("workflow", workflow)
                .maybe("enabled", enabled.map(|enabled| enabled.to_string()));
            printer.list(rest.list(&call, usize::MAX)?, SCHEDULES)
        }
        ScheduleCommand::Get(one) => printer.item(&one.call(rest, Call::get)?, SCHEDULES),
        ScheduleCommand::Set(args) => set(&args, rest, printer),
        ScheduleCommand::Pause(one) => control(&one, "pause", rest, printer),
        ScheduleCommand::Resume(one) => control(&one, "resume", rest, printer),
        ScheduleCommand::Delete(one) => delete(rest, &one.path(), &format!("schedule {}", one.schedule))
            .map_err(|failure| one.suggest(failure, rest)),
        ScheduleCommand::Next { schedule, count } => {
            let next = schedule.call(rest, |path| count.add_to(Call::get(&with(path, "next"))))?;
            print_fire_times(next, printer)
        }
        ScheduleCommand::Fires { schedule, limit } => {
            let limit = if limit == 0 { usize::MAX } else { limit };
            let listed = rest.list(&Call::get(&with(&schedule.path(), "fires")), limit);
            printer.list(listed.map_err(|failure| schedule.suggest(failure, rest))?, FIRES)
        }
        // `run` handles it without a server.
        ScheduleCommand::Preview(_) => Ok(()),
    }
}

fn set(args: &SetScheduleArgs, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    let body = args
        .timing
        .body(args.cron.as_deref())
        .add_choice("missed", args.missed)
        .add_some("missed_limit", args.missed_limit)
        .add_some("jitter", args.jitter.as_deref())
        .add_pairs("params", &args.params)
        .add_some("priority", args.priority.as_deref())
        .add_some("worker_group", args.worker_group.as_deref())
        .add_some("failure_strategy", args.failure_strategy.as_deref())
        .add_some("enabled", args.disabled.then_some(false))
        .into_value();
    let stored = args
        .schedule
        .call(rest, |path| Call::new(Method::PUT, path).json(&body))?;
    printer.item(&stored, SCHEDULES)
}

fn control(schedule: &OneSchedule, verb: &str, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    let post = |path: &[&str]| Call::new(Method::POST, &with(path, verb)).json(&json!({}));
    printer.item(&schedule.call(rest, post)?, SCHEDULES)
}

fn with<'a>(path: &[&'a str], last: &'a str) -> Vec<&'a str> {
    path.iter().copied().chain([last]).collect()
}

impl OneSchedule {
    fn path(&self) -> [&str; 6] {
        [
            "projects",
            &self.place.project,
            "workflows",
            &self.workflow,
            "schedules",
            &self.schedule,
        ]
    }

    fn call(&self, rest: &Rest, call: impl FnOnce(&[&str]) -> Call) -> Result<Value, Failure> {
        let answer = rest.json(call(&self.path()));
        answer.map_err(|failure| self.suggest(failure, rest))
    }

    fn suggest(&self, failure: Failure, rest: &Rest) -> Failure {
        suggestion::for_schedule(failure, rest, &self.place.project, &self.workflow, &self.schedule)
    }
}

impl TimingArgs {
    /// Starts the body of a schedule with when it fires.
    pub(super) fn body(&self, cron: Option<&str>) -> Body {
        Body::default()
            .add_some("cron", cron)
            .add_some("every", self.every.as_deref())
            .add_some("timezone", self.timezone.as_deref())
            .add_some("start", self.start.as_deref())
            .add_some("end", self.end.as_deref())
            .add_some("calendar", self.calendar.as_deref())
    }
}

impl CountArgs {
    fn add_to(&self, call: Call) -> Call {
        call.query("count", self.count.to_string())
            .maybe("after", self.after.as_deref())
    }
}
