use chrono::{DateTime, Utc};
use egress::EgressPolicy;
use engine::connection::http::{HttpAuth, HttpConnectionFields};
use reqwest::header::AUTHORIZATION;
use reqwest::{Method, Request};
use serde_json::Map;

use super::{HttpConnection, Redirects, aliyun, aws};

fn fields(url: &str, auth: HttpAuth) -> HttpConnectionFields {
    HttpConnectionFields {
        url: url.to_owned(),
        headers: Map::from_iter([("X-Team".to_owned(), "bi".into())]),
        tls: false,
        ca: None,
        auth,
    }
}

fn open(url: &str, auth: HttpAuth) -> HttpConnection {
    HttpConnection::open(fields(url, auth), EgressPolicy::DenyMetadata, Redirects::None)
        .expect("a connection")
}

fn at(time: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(time).expect("a time").to_utc()
}

fn proof(request: &Request) -> &str {
    request.headers()[AUTHORIZATION].to_str().expect("a text")
}

#[test]
fn paths_stay_below_the_url_of_the_connection() {
    let connection = open("http://h:8080/base/", HttpAuth::None);
    for (path, expected) in [
        ("", "http://h:8080/base/"),
        ("/x?y=1", "http://h:8080/base/x?y=1"),
        ("//evil.org/x", "http://h:8080/base//evil.org/x"),
    ] {
        assert_eq!(connection.url(path).expect(path).as_str(), expected);
    }
    let bare = open("http://h", HttpAuth::None);
    for wrong in ["x", "@evil.org/", ":81/", "http://evil.org/"] {
        assert!(bare.url(wrong).is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn headers_and_authentication_are_added_and_those_of_the_request_stay() {
    let auths = [
        (
            HttpAuth::Basic {
                user: "Aladdin".into(),
                password: Some("open sesame".into()),
            },
            // RFC 7617, section 2.
            ("authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ),
        (
            HttpAuth::Bearer {
                token: "t0ken".into(),
            },
            ("authorization", "Bearer t0ken"),
        ),
        (
            HttpAuth::Header {
                name: "X-Key".into(),
                value: "k3y".into(),
            },
            ("x-key", "k3y"),
        ),
    ];
    for (auth, (name, value)) in auths {
        let connection = open("http://h", auth);
        let mut request = Request::new(Method::GET, connection.url("/x").expect("a url"));
        request
            .headers_mut()
            .insert("x-other", "mine".parse().expect("a value"));
        connection
            .authorize(&mut request, Utc::now())
            .await
            .expect("authorized");
        assert_eq!(request.headers()[name], value);
        assert_eq!(request.headers()["x-team"], "bi");
        assert_eq!(request.headers()["x-other"], "mine");
        assert!(
            !format!("{request:?}").contains(value),
            "a secret header is not printed"
        );
    }
}

#[test]
fn metadata_addresses_and_plain_http_with_tls_are_refused() {
    for url in [
        "http://169.254.169.254/latest",
        "http://100.100.100.200/",
        "http://[fd00:ec2::254]/",
    ] {
        let opened = HttpConnection::open(
            fields(url, HttpAuth::None),
            EgressPolicy::DenyMetadata,
            Redirects::None,
        );
        assert!(opened.is_err(), "{url}");
    }
    let plain = HttpConnectionFields {
        tls: true,
        ..fields("http://h", HttpAuth::None)
    };
    let opened = HttpConnection::open(plain, EgressPolicy::DenyMetadata, Redirects::None);
    assert!(opened.err().expect("refused").to_string().contains("https"));
}

/// The example `ListUsers` of the documentation of IAM, and `get-vanilla` of the test suite of Signature Version 4.
#[test]
fn signatures_of_aws_are_those_of_its_documentation() {
    let auth = |service: &str| HttpAuth::AwsSigv4 {
        access_key: "AKIDEXAMPLE".into(),
        secret_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
        session_token: None,
        region: "us-east-1".into(),
        service: service.into(),
    };
    let now = at("2015-08-30T12:36:00Z");
    let url = "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08";
    let mut request = Request::new(Method::GET, url.parse().expect("a url"));
    let media_type = "application/x-www-form-urlencoded; charset=utf-8";
    request
        .headers_mut()
        .insert("content-type", media_type.parse().expect("a value"));
    aws::sign(&mut request, &auth("iam"), now).expect("signed");
    assert_eq!(
        proof(&request),
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date, \
         Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    );
    let mut request = Request::new(
        Method::GET,
        "https://example.amazonaws.com/".parse().expect("a url"),
    );
    aws::sign(&mut request, &auth("service"), now).expect("signed");
    let signature = "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
    assert!(proof(&request).ends_with(signature), "{}", proof(&request));
}

/// The example `RunInstances` of the documentation of the signature V3.
#[test]
fn signatures_of_aliyun_are_those_of_its_documentation() {
    let auth = HttpAuth::Aliyun {
        access_key: "YourAccessKeyId".into(),
        secret_key: "YourAccessKeySecret".into(),
    };
    let url = "https://ecs.cn-shanghai.aliyuncs.com/?RegionId=cn-shanghai\
               &ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd";
    let mut request = Request::new(Method::POST, url.parse().expect("a url"));
    for (name, value) in [("x-acs-action", "RunInstances"), ("x-acs-version", "2014-05-26")] {
        request
            .headers_mut()
            .insert(name, value.parse().expect("a value"));
    }
    let nonce = "3156853299f313e23d1673dc12e1703d";
    aliyun::sign(&mut request, &auth, at("2023-10-26T10:22:32Z"), nonce).expect("signed");
    assert_eq!(
        proof(&request),
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;\
         x-acs-date;x-acs-signature-nonce;x-acs-version,\
         Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    );
}
