use super::*;

fn walk(room: LimitRoom, queue: &[(QueuePlace, &str, i64)]) -> Vec<usize> {
    let mut walk = QueueWalk::new(room, None);
    let mut admitted = Vec::new();
    for (place, (kind, group, slots)) in queue.iter().enumerate() {
        match walk.step(*kind, group, *slots) {
            QueueStep::Admit => {
                if *kind == QueuePlace::Ready {
                    walk.keep_room(group, *slots);
                }
                admitted.push(place);
            }
            QueueStep::Pass => {}
            QueueStep::Stop => break,
        }
    }
    admitted
}

#[test]
fn the_first_tasks_that_have_room_together_are_admitted() {
    use QueuePlace::Ready;
    assert_eq!(walk(LimitRoom::new(3, 1), &[(Ready, "g", 1); 5]), [0, 1]);
    assert_eq!(walk(LimitRoom::new(3, 3), &[(Ready, "g", 1); 2]), [0usize; 0]);
    assert_eq!(
        walk(LimitRoom::unlimited(), &[(Ready, "g", 9), (Ready, "g", 9)]),
        [0, 1]
    );
    assert_eq!(walk(LimitRoom::new(1, 4), &[(Ready, "g", 1)]), [0usize; 0]);
}

#[test]
fn no_task_passes_one_that_wants_more_than_is_free() {
    use QueuePlace::{AwaitingWorker, BlockedElsewhere, Ready};
    for first in [Ready, AwaitingWorker, BlockedElsewhere] {
        let queue = [(first, "g", 2), (Ready, "h", 1)];
        assert_eq!(walk(LimitRoom::new(2, 1), &queue), [0usize; 0], "{first:?}");
    }
}

#[test]
fn a_task_that_waits_for_another_limit_holds_up_no_other() {
    use QueuePlace::{BlockedElsewhere, Ready};
    let queue = [(BlockedElsewhere, "g", 1), (Ready, "g", 1), (Ready, "g", 1)];
    assert_eq!(walk(LimitRoom::new(1, 0), &queue), [1]);
}

#[test]
fn a_group_without_a_free_worker_holds_up_no_other_group() {
    use QueuePlace::{AwaitingWorker, Ready};
    let queue = [
        (AwaitingWorker, "g", 1),
        (Ready, "g", 1),
        (Ready, "h", 1),
        (Ready, "h", 1),
    ];
    assert_eq!(walk(LimitRoom::new(1, 0), &queue), [2]);
}

#[test]
fn no_task_passes_another_of_its_group_because_it_wants_less() {
    use QueuePlace::Ready;
    let queue = [(Ready, "g", 2), (Ready, "g", 2), (Ready, "g", 1), (Ready, "h", 1)];
    assert_eq!(walk(LimitRoom::new(3, 0), &queue), [0, 3]);
}

#[test]
fn a_forced_task_needs_no_room() {
    use QueuePlace::{Forced, Ready};
    assert_eq!(
        walk(LimitRoom::new(1, 1), &[(Forced, "g", 5), (Ready, "g", 1)]),
        [0]
    );
    assert_eq!(
        walk(LimitRoom::new(2, 1), &[(Forced, "g", 5), (Ready, "g", 1)]),
        [0, 1]
    );
}

#[test]
fn a_limit_is_open_to_the_tasks_before_the_first_one_that_lacks_room() {
    let at = |ready_at| QueuePosition([3, 3, ready_at, 1, 0]);
    let open_to = |walk: &QueueWalk| -> Vec<i64> {
        let mut tasks = vec![(1, 1), (2, 1), (5, 3), (6, 1)];
        tasks.retain(|(ready_at, slots)| walk.is_open_to(at(*ready_at), *slots));
        tasks.into_iter().map(|(ready_at, _)| ready_at).collect()
    };
    let room = LimitRoom::new(4, 2);
    assert_eq!(open_to(&QueueWalk::new(room, Some(at(5)))), [1, 2]);
    assert_eq!(open_to(&QueueWalk::new(room, None)), [1, 2, 6]);
    let disabled = QueueWalk::new(LimitRoom::unlimited(), Some(at(1)));
    assert_eq!(open_to(&disabled), [1, 2, 5, 6]);
}
