use engine::ids::Timestamp;
use store::catalog::{
    Access, CatalogError, Grant, NewToken, PageRequest, Permission, ProjectId, Role, Token, TokenKind, User,
    UserEdit,
};

use super::house::{House, asked};

const DEFAULT: ProjectId = ProjectId(1);

async fn token(house: &House, user: &User, hash: &str, kind: TokenKind) -> Token {
    let new = NewToken {
        user: user.id,
        name: format!("for {hash}"),
        kind,
        hash: hash.to_owned(),
        expires_at: Some(Timestamp(5_000)),
    };
    house.catalog.create_token(&new, &asked()).await.expect("a token")
}

async fn holder(house: &House, hash: &str, at: i64) -> Option<String> {
    let identity = house
        .catalog
        .authenticate(hash, Timestamp(at))
        .await
        .expect("an answer");
    identity.map(|identity| identity.name)
}

fn is_last_admin<T>(answer: &Result<T, CatalogError>) -> bool {
    matches!(
        answer,
        Err(CatalogError::Conflict {
            code: "LAST_ADMIN",
            ..
        })
    )
}

pub(super) async fn a_token_tells_its_holder_until_it_expires_or_is_deleted(house: &House) {
    let ann = house.member("ann").await;
    let made = token(house, &ann, "h1", TokenKind::Api).await;
    let identity = house
        .catalog
        .authenticate("h1", Timestamp(4_999))
        .await
        .expect("an answer")
        .expect("ann");
    assert_eq!(
        (identity.user, identity.role, identity.token),
        (ann.id, Role::Member, made.id)
    );
    let used = house
        .catalog
        .token(made.id)
        .await
        .expect("an answer")
        .expect("the token");
    assert_eq!(used.last_used, Some(Timestamp(4_999)));
    assert_eq!(holder(house, "h1", 5_000).await, None);
    assert_eq!(holder(house, "h2", 1_000).await, None);

    house
        .catalog
        .delete_token(made.id, &asked())
        .await
        .expect("a delete");
    assert_eq!(holder(house, "h1", 1_000).await, None);
    let again = house.catalog.delete_token(made.id, &asked()).await;
    assert!(matches!(again, Err(CatalogError::NotFound { .. })), "{again:?}");
}

pub(super) async fn an_edit_that_changes_something_revokes_every_token(house: &House) {
    house.user("root", Role::Admin).await;
    let ann = house.member("ann").await;
    let edits = [
        UserEdit {
            role: Some(Role::Admin),
            ..UserEdit::default()
        },
        UserEdit {
            password_hash: Some("other".to_owned()),
            ..UserEdit::default()
        },
        UserEdit {
            access: Some(Access::Disabled),
            ..UserEdit::default()
        },
    ];
    for (number, edit) in edits.iter().enumerate() {
        let (api, session) = (format!("api{number}"), format!("session{number}"));
        token(house, &ann, &api, TokenKind::Api).await;
        token(house, &ann, &session, TokenKind::Session).await;
        let same = UserEdit {
            access: Some(Access::Enabled),
            ..UserEdit::default()
        };
        house
            .catalog
            .edit_user("ann", &same, &asked())
            .await
            .expect("nothing changes");
        assert_eq!(holder(house, &api, 1_000).await.as_deref(), Some("ann"));
        house
            .catalog
            .edit_user("ann", edit, &asked())
            .await
            .expect("an edit");
        assert_eq!(holder(house, &api, 1_000).await, None, "{edit:?}");
        assert_eq!(holder(house, &session, 1_000).await, None, "{edit:?}");
    }
    let credentials = house
        .catalog
        .credentials("ann")
        .await
        .expect("an answer")
        .expect("ann");
    assert_eq!(
        (credentials.user.role, credentials.user.access),
        (Role::Admin, Access::Disabled)
    );
    assert_eq!(credentials.password_hash.as_deref(), Some("other"));
}

pub(super) async fn a_disabled_user_gets_no_token(house: &House) {
    let ann = house.member("ann").await;
    let disable = UserEdit {
        access: Some(Access::Disabled),
        ..UserEdit::default()
    };
    house
        .catalog
        .edit_user("ann", &disable, &asked())
        .await
        .expect("an edit");
    let new = NewToken {
        user: ann.id,
        name: "late".to_owned(),
        kind: TokenKind::Api,
        hash: "late".to_owned(),
        expires_at: None,
    };
    let refused = house.catalog.create_token(&new, &asked()).await;
    assert!(
        matches!(refused, Err(CatalogError::NotFound { .. })),
        "{refused:?}"
    );
}

pub(super) async fn the_last_admin_stays(house: &House) {
    house.user("root", Role::Admin).await;
    house.member("ann").await;
    let demote = UserEdit {
        role: Some(Role::Member),
        ..UserEdit::default()
    };
    let disable = UserEdit {
        access: Some(Access::Disabled),
        ..UserEdit::default()
    };
    assert!(is_last_admin(
        &house.catalog.edit_user("root", &demote, &asked()).await
    ));
    assert!(is_last_admin(
        &house.catalog.edit_user("root", &disable, &asked()).await
    ));
    assert!(is_last_admin(&house.catalog.delete_user("root", &asked()).await));

    house.user("boss", Role::Admin).await;
    let request = asked();
    let (one, two) = tokio::join!(
        house.catalog.delete_user("root", &request),
        house.catalog.edit_user("boss", &demote, &request),
    );
    assert!(is_last_admin(&one) != is_last_admin(&two), "{one:?} {two:?}");
    house
        .catalog
        .delete_user("ann", &asked())
        .await
        .expect("a member may go");
}

pub(super) async fn the_first_start_makes_one_admin_however_often_it_is_asked(house: &House) {
    assert_eq!(house.catalog.is_empty().await, Ok(true));
    for _ in 0..2 {
        house
            .catalog
            .ensure_admin("h1", Timestamp(1_000))
            .await
            .expect("an admin");
    }
    assert_eq!(house.catalog.is_empty().await, Ok(false));
    let admin = house
        .catalog
        .authenticate("h1", Timestamp(2_000))
        .await
        .expect("an answer")
        .expect("admin");
    assert_eq!((admin.name.as_str(), admin.role), ("admin", Role::Admin));
    assert_eq!((house.count("token").await, house.count("audit").await), (1, 1));
}

pub(super) async fn a_grant_is_given_changed_and_taken_back(house: &House) {
    let ann = house.member("ann").await;
    let permission = async || {
        house
            .catalog
            .permission(ann.id, DEFAULT)
            .await
            .expect("an answer")
    };
    assert_eq!(permission().await, None);
    for wanted in [Permission::Read, Permission::Write, Permission::Execute] {
        let grant = Grant {
            user: "ann".to_owned(),
            permission: wanted,
        };
        house
            .catalog
            .put_grant(DEFAULT, &grant, &asked())
            .await
            .expect("a grant");
        assert_eq!(permission().await, Some(wanted));
        assert_eq!(house.catalog.grants(DEFAULT).await, Ok(vec![grant]));
    }
    house
        .catalog
        .delete_grant(DEFAULT, "ann", &asked())
        .await
        .expect("a delete");
    assert_eq!(permission().await, None);
    let again = house.catalog.delete_grant(DEFAULT, "ann", &asked()).await;
    assert!(matches!(again, Err(CatalogError::NotFound { .. })), "{again:?}");
    let nobody = Grant {
        user: "bob".to_owned(),
        permission: Permission::Read,
    };
    let unknown = house.catalog.put_grant(DEFAULT, &nobody, &asked()).await;
    assert!(
        matches!(unknown, Err(CatalogError::NotFound { .. })),
        "{unknown:?}"
    );
}

pub(super) async fn a_deleted_user_leaves_no_token(house: &House) {
    house.user("root", Role::Admin).await;
    let ann = house.member("ann").await;
    token(house, &ann, "h1", TokenKind::Api).await;
    let grant = Grant {
        user: "ann".to_owned(),
        permission: Permission::Read,
    };
    house
        .catalog
        .put_grant(DEFAULT, &grant, &asked())
        .await
        .expect("a grant");
    house
        .catalog
        .delete_user("ann", &asked())
        .await
        .expect("a delete");
    assert_eq!(holder(house, "h1", 1_000).await, None);
    assert_eq!(
        (house.count("token").await, house.count("project_grant").await),
        (0, 0)
    );
    assert_eq!(house.catalog.user("ann").await, Ok(None));
}

pub(super) async fn tokens_are_listed_without_sessions_and_those_of_others(house: &House) {
    let (ann, bob) = (house.member("ann").await, house.member("bob").await);
    for (user, hash, kind) in [
        (&ann, "a1", TokenKind::Api),
        (&ann, "a2", TokenKind::Session),
        (&bob, "b1", TokenKind::Api),
        (&ann, "a3", TokenKind::Api),
    ] {
        token(house, user, hash, kind).await;
    }
    let names = async |user, at| {
        let page = house
            .catalog
            .tokens(user, Timestamp(at), &PageRequest::default())
            .await
            .expect("a page");
        page.items.into_iter().map(|token| token.name).collect::<Vec<_>>()
    };
    assert_eq!(names(Some(ann.id), 1_000).await, ["for a3", "for a1"]);
    assert_eq!(names(None, 1_000).await, ["for a3", "for b1", "for a1"]);
    assert_eq!(names(None, 5_000).await, Vec::<String>::new());
}
