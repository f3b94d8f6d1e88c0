use super::*;

fn walk(room: LimitRoom, queue: &[(QueuePlace, i64)]) -> Vec<usize> {
    let mut walk = QueueWalk::new(room);
    let mut admitted = Vec::new();
    for (place, (kind, slots)) in queue.iter().enumerate() {
        match walk.step(*kind, *slots) {
            QueueStep::Admit => admitted.push(place),
            QueueStep::Pass => {}
            QueueStep::Stop => break,
        }
    }
    admitted
}

#[test]
fn the_first_tasks_that_have_room_together_are_admitted() {
    use QueuePlace::Ready;
    assert_eq!(walk(LimitRoom::new(3, 1), &[(Ready, 1); 5]), [0, 1]);
    assert_eq!(walk(LimitRoom::new(3, 3), &[(Ready, 1); 2]), [0usize; 0]);
    assert_eq!(walk(LimitRoom::unlimited(), &[(Ready, 9), (Ready, 9)]), [0, 1]);
    assert_eq!(walk(LimitRoom::new(1, 4), &[(Ready, 1)]), [0usize; 0]);
}

#[test]
fn no_task_passes_one_that_wants_more_than_is_free() {
    use QueuePlace::{AwaitingWorker, BlockedElsewhere, Ready};
    assert_eq!(walk(LimitRoom::new(2, 1), &[(Ready, 2), (Ready, 1)]), [0usize; 0]);
    assert_eq!(walk(LimitRoom::new(2, 1), &[(AwaitingWorker, 2), (Ready, 1)]), [0usize; 0]);
    assert_eq!(walk(LimitRoom::new(2, 1), &[(BlockedElsewhere, 2), (Ready, 1)]), [0usize; 0]);
}

#[test]
fn a_task_that_waits_for_something_else_holds_up_no_other() {
    use QueuePlace::{AwaitingWorker, BlockedElsewhere, Ready};
    let queue = [(BlockedElsewhere, 1), (AwaitingWorker, 1), (Ready, 1), (Ready, 1)];
    assert_eq!(walk(LimitRoom::new(1, 0), &queue), [2]);
}

#[test]
fn a_forced_task_needs_no_room() {
    use QueuePlace::{Forced, Ready};
    assert_eq!(walk(LimitRoom::new(1, 1), &[(Forced, 5), (Ready, 1)]), [0]);
    assert_eq!(walk(LimitRoom::new(2, 1), &[(Forced, 5), (Ready, 1)]), [0, 1]);
}
