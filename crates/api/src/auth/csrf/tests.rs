use actix_web::test::TestRequest;

use super::*;

fn judge(method: Method, headers: &[(&str, &str)], public_url: Option<&str>) -> Result<(), Code> {
    let request = TestRequest::default().method(method);
    let request = headers
        .iter()
        .fold(request, |request, header| request.insert_header(*header));
    let address = PublicAddress::new("", public_url.map(str::to_owned));
    check_origin(&request.to_http_request(), &address).map_err(|problem| problem.code())
}

#[test]
fn a_change_comes_from_a_page_of_this_server() {
    let host = ("host", "porpoise.example:7070");
    let mark = ("porpoise-csrf", "1");
    for (origin, public, expected) in [
        ("http://porpoise.example:7070", None, Ok(())),
        ("https://porpoise.example:7070", None, Ok(())),
        ("http://PORPOISE.example:7070", None, Ok(())),
        ("http://porpoise.example", None, Err(Code::Csrf)),
        ("http://porpoise.example:7070.evil.example", None, Err(Code::Csrf)),
        ("http://evil.example", None, Err(Code::Csrf)),
        ("ftp://porpoise.example:7070", None, Err(Code::Csrf)),
        ("null", None, Err(Code::Csrf)),
        ("", None, Err(Code::Csrf)),
        ("https://flows.example", Some("https://flows.example"), Ok(())),
        (
            "http://flows.example",
            Some("https://flows.example"),
            Err(Code::Csrf),
        ),
        (
            "http://porpoise.example:7070",
            Some("https://flows.example"),
            Ok(()),
        ),
    ] {
        let seen = judge(Method::POST, &[host, mark, ("origin", origin)], public);
        assert_eq!(seen, expected, "{origin} {public:?}");
    }
}

#[test]
fn a_change_without_its_headers_is_refused_and_a_read_is_not() {
    let host = ("host", "here");
    let origin = ("origin", "http://here");
    let mark = ("porpoise-csrf", "1");
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        for headers in [
            &[host, origin][..],
            &[host, mark],
            &[origin, mark],
            &[host, origin, ("porpoise-csrf", "0")],
        ] {
            assert_eq!(
                judge(method.clone(), headers, None),
                Err(Code::Csrf),
                "{method} {headers:?}"
            );
        }
        assert_eq!(judge(method, &[host, origin, mark], None), Ok(()));
    }
    for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
        assert_eq!(
            judge(method, &[host, ("origin", "http://evil.example")], None),
            Ok(())
        );
    }
}
