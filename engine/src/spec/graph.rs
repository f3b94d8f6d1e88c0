//! Finds cycles among the needs of tasks.

use super::model::Predecessor;

/// A cycle, each task needed by the next one, the first one again at the end.
pub(super) type Cycle = Vec<usize>;

/// More cycles than this are not worth listing.
const MAX_CYCLES: usize = 10;

#[derive(Clone, Copy, PartialEq)]
enum VisitState {
    New,
    Open,
    Done,
}

/// Finds cycles; none exactly when the needs are acyclic. A search with its own stack: chains are long.
pub(super) fn cycles(needs: &[Vec<Predecessor>]) -> Vec<Cycle> {
    let mut marks = vec![VisitState::New; needs.len()];
    let mut found = Vec::new();
    for root in 0..needs.len() {
        if marks[root] == VisitState::New && found.len() < MAX_CYCLES {
            search(root, needs, &mut marks, &mut found);
        }
    }
    found
}

fn search(root: usize, needs: &[Vec<Predecessor>], marks: &mut [VisitState], found: &mut Vec<Cycle>) {
    let mut stack = vec![(root, 0)];
    marks[root] = VisitState::Open;
    while let Some((task, next)) = stack.last_mut() {
        let task = *task;
        let Some(need) = needs[task].get(*next).map(|need| need.task.as_usize()) else {
            marks[task] = VisitState::Done;
            stack.pop();
            continue;
        };
        *next += 1;
        match marks[need] {
            VisitState::New => {
                marks[need] = VisitState::Open;
                stack.push((need, 0));
            }
            VisitState::Open if found.len() < MAX_CYCLES => found.push(close(&stack, need)),
            VisitState::Open | VisitState::Done => {}
        }
    }
}

/// The stack goes from a task to what it needs; the cycle is shown in the order of running.
fn close(stack: &[(usize, usize)], need: usize) -> Cycle {
    let from = stack.iter().position(|(task, _)| *task == need).unwrap_or(0);
    let mut cycle: Cycle = vec![need];
    cycle.extend(stack[from..].iter().rev().map(|(task, _)| *task));
    cycle
}
