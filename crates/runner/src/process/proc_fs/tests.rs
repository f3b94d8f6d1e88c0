use super::*;

#[test]
fn a_program_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
    let text = "7 (a) R (b) S 3 7 5 0 -1 1 2 3 4 5 6 7 8 9 10 11 12 13 4242 0";
    let stat = ProcessStat::parse(7, text).unwrap();
    assert_eq!(
        (stat.is_dead, stat.parent, stat.group, stat.session),
        (false, 3, 7, 5)
    );
    assert_eq!(stat.start_ticks, 4242);
}

#[test]
fn a_zombie_counts_as_gone() {
    assert!(
        ProcessStat::parse(7, "7 (x) Z 3 7 5 0 -1 1 2 3 4 5 6 7 8 9 10 11 12 13 1 0")
            .unwrap()
            .is_dead
    );
}

#[test]
fn this_process_has_a_start_time_and_a_boot() {
    let me = i32::try_from(std::process::id()).unwrap();
    assert!(start_ticks(me).is_some_and(|ticks| ticks > 0));
    assert_eq!(boot_id().len(), 36);
}
