use super::*;

fn request(limit: u32, cursor: Option<&str>) -> PageRequest {
    PageRequest {
        limit,
        cursor: cursor.map(str::to_owned),
    }
}

#[test]
fn a_cursor_leads_to_the_item_after_the_page() {
    let page = Page::cut("names", &request(2, None), vec!["a", "ü/b", "c"], |item| {
        (*item).to_owned()
    });
    assert_eq!(page.items, ["a", "ü/b"]);
    let next = request(2, page.next_cursor.as_deref());
    assert_eq!(next.after::<String>("names"), Ok(Some("ü/b".to_owned())));
}

#[test]
fn the_last_page_has_no_cursor() {
    let page = Page::cut("names", &request(2, None), vec!["a", "b"], |item| {
        (*item).to_owned()
    });
    assert_eq!(page.next_cursor, None);
}

#[test]
fn a_cursor_that_is_none_of_the_list_is_rejected() {
    let foreign = Page::cut("names", &request(1, None), vec!["7", "8"], |item| {
        (*item).to_owned()
    })
    .next_cursor;
    for cursor in [
        "",
        "zz",
        "6",
        "616",
        "c3",
        "ü",
        foreign.as_deref().expect("there is a next page"),
    ] {
        let answer = request(1, Some(cursor)).after::<i64>("ids");
        assert!(
            matches!(answer, Err(CatalogError::Rejected(_))),
            "{cursor}: {answer:?}"
        );
    }
}

#[test]
fn a_limit_outside_the_range_is_brought_into_it() {
    assert_eq!(
        [0, 1, 200, 9999].map(|limit| request(limit, None).size()),
        [1, 1, 200, 200]
    );
}
