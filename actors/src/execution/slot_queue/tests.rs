use super::*;

fn request(task_index: u32, priority: Priority) -> SlotRequest {
    SlotRequest {
        instance_priority: priority,
        task_priority: Priority::Medium,
        ready_at: Timestamp(0),
        instance: InstanceId(1),
        task_index: TaskIndex(task_index),
    }
}

/// Takes the next turns; returns whose they were.
fn turns(queue: &mut SlotQueue, count: usize, weights: &ProjectWeights) -> String {
    let mut names = String::new();
    for _ in 0..count {
        let (project, request) = queue.first().expect("a request");
        queue.remove(&project, &request);
        queue.take_turn(&project, weights);
        names.push_str(&project);
    }
    names
}

#[test]
fn projects_take_turns_whatever_their_priorities() {
    let mut queue = SlotQueue::default();
    let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
    for task in 0..6 {
        queue.insert(&a, request(task, Priority::Highest));
        queue.insert(&b, request(task, Priority::Lowest));
    }
    assert_eq!(turns(&mut queue, 6, &ProjectWeights::new()), "ababab");
}

#[test]
fn turns_are_by_weight() {
    let mut queue = SlotQueue::default();
    let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
    for task in 0..40 {
        queue.insert(&a, request(task, Priority::Medium));
        queue.insert(&b, request(task, Priority::Medium));
    }
    let weights = ProjectWeights::from([("a".to_owned(), 3)]);
    let names = turns(&mut queue, 40, &weights);
    assert_eq!(names.matches('a').count(), 30, "{names}");
}

#[test]
fn a_project_that_waited_for_nothing_is_next_and_owed_nothing() {
    let mut queue = SlotQueue::default();
    let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
    for task in 0..100 {
        queue.insert(&a, request(task, Priority::Medium));
    }
    turns(&mut queue, 50, &ProjectWeights::new());
    for task in 0..10 {
        queue.insert(&b, request(task, Priority::Medium));
    }
    let names = turns(&mut queue, 10, &ProjectWeights::new());
    assert!(names.starts_with('b'), "{names}");
    assert_eq!(names.matches('b').count(), 5, "{names}");
}

#[test]
fn priorities_order_the_requests_of_one_project() {
    let mut queue = SlotQueue::default();
    let a: Arc<str> = "a".into();
    for (task, priority) in [(0, Priority::Low), (1, Priority::High), (2, Priority::Medium)] {
        queue.insert(&a, request(task, priority));
    }
    let order: Vec<u32> = std::iter::from_fn(|| {
        let (project, request) = queue.first()?;
        queue.remove(&project, &request);
        Some(request.task_index.0)
    })
    .collect();
    assert_eq!(order, [1, 2, 0]);
    assert!(queue.is_empty());
}
