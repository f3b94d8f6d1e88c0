use actix_web::test::TestRequest;

use super::*;

#[test]
fn an_encoding_is_used_only_when_it_is_allowed() {
    for (header, expected) in [
        ("gzip, deflate, br", true),
        ("deflate,BR;q=0.5", true),
        ("br;q=0", false),
        ("br;q=0.0, gzip", false),
        ("br;q=x", false),
        ("brotli", false),
        ("*", false),
        ("", false),
    ] {
        assert_eq!(accepts(header, "br"), expected, "{header}");
    }
}

fn page(html: &'static str, base_path: &str) -> String {
    let file = EmbeddedFile {
        path: "index.html",
        plain: html.as_bytes(),
        gzip: None,
        brotli: None,
    };
    let files = UiFiles::new(&[file], base_path);
    String::from_utf8(files.page().unwrap().plain.to_vec()).unwrap()
}

#[test]
fn the_page_says_where_it_is_mounted() {
    let plain = "<html><head><title>t</title></head></html>";
    assert_eq!(
        page(plain, ""),
        "<html><head><base href=\"/\"><title>t</title></head></html>"
    );
    let based = "<head><base href=\"/\"><script src=\"./a.js\"></script></head>";
    assert_eq!(
        page(based, "/flows"),
        "<head><base href=\"/flows/\"><script src=\"./a.js\"></script></head>"
    );
}

#[test]
fn a_version_that_the_client_has_is_not_sent_again() {
    let file = EmbeddedFile {
        path: "assets/a-1.js",
        plain: b"let a = 1;",
        gzip: Some(b"gzip"),
        brotli: Some(b"br"),
    };
    let files = UiFiles::new(&[file], "");
    let file = files.find("assets/a-1.js").unwrap();
    let respond = |headers: &[(&'static str, &str)]| {
        let request = headers.iter().fold(TestRequest::default(), |request, header| {
            request.insert_header(*header)
        });
        let response = file.respond(&request.to_http_request());
        let encoding = response.headers().get(CONTENT_ENCODING);
        let encoding = encoding.map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), encoding)
    };
    assert_eq!(respond(&[]), (200, None));
    assert_eq!(
        respond(&[("accept-encoding", "gzip")]),
        (200, Some("gzip".to_owned()))
    );
    assert_eq!(
        respond(&[("accept-encoding", "gzip, br")]),
        (200, Some("br".to_owned()))
    );
    let tags = format!("\"other\", {}", file.tag);
    assert_eq!(respond(&[("if-none-match", &tags)]).0, 304);
    assert_eq!(respond(&[("if-none-match", "\"other\"")]).0, 200);
}
