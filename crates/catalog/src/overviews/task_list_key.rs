//! The places in the list of all tasks.

use std::fmt;
use std::str::FromStr;

use sea_orm::Condition;
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, SimpleExpr};

use crate::entity::attempt;

/// The place of a task in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ListKey {
    /// The start of its first attempt.
    pub(super) created_at: i64,
    /// Its instance.
    pub(super) instance: i64,
    /// Its place in the definition.
    pub(super) task_index: i64,
}

impl fmt::Display for ListKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.created_at, self.instance, self.task_index)
    }
}

impl FromStr for ListKey {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let parts: Vec<i64> = text.split('.').map_while(|part| part.parse().ok()).collect();
        match parts[..] {
            [created_at, instance, task_index] => Ok(Self {
                created_at,
                instance,
                task_index,
            }),
            _ => Err(()),
        }
    }
}

/// Selects what comes after a key.
pub(super) fn is_after(after: Option<ListKey>, table: &'static str) -> Condition {
    Condition::all().add_option(after.map(|key| key_columns(table).lt(key_values(key))))
}

pub(super) fn key_columns(table: &'static str) -> SimpleExpr {
    let column = |column: attempt::Column| Expr::col((Alias::new(table), column));
    Expr::tuple([
        column(attempt::Column::CreatedAt),
        column(attempt::Column::Instance),
        column(attempt::Column::TaskIndex),
    ])
}

pub(super) fn key_values(key: ListKey) -> SimpleExpr {
    Expr::tuple([
        Expr::value(key.created_at),
        Expr::value(key.instance),
        Expr::value(key.task_index),
    ])
}
