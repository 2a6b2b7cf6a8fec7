//! Bodies of several parts (RFC 2046, 5.1.1), as files are sent in: clients make up what stands between the parts, another each time. In a request that
//! is written down or looked for it is always the same.

use std::collections::BTreeMap;

use memchr::memmem;

const BOUNDARY: &str = "kernwerk-cassette-boundary";
const TYPE: &str = "content-type";
/// A shorter one was not made up, and may stand in the parts as well.
const SHORTEST: usize = 12;

/// The body with the one boundary, which the header of its type then names, too; as it is where it has no parts.
pub(crate) fn with_one_boundary(headers: &mut BTreeMap<String, String>, body: &[u8]) -> Vec<u8> {
    let Some(kind) = headers.get(TYPE).filter(|kind| kind.to_ascii_lowercase().starts_with("multipart/")) else {
        return body.to_vec();
    };
    let Some(boundary) = boundary(kind).filter(|boundary| boundary.len() >= SHORTEST).map(str::to_owned) else {
        return body.to_vec();
    };
    let kind = kind.replace(&boundary, BOUNDARY);
    headers.insert(TYPE.to_owned(), kind);
    let (mut settled, mut place) = (Vec::with_capacity(body.len()), 0);
    for found in memmem::find_iter(body, &boundary) {
        settled.extend_from_slice(&body[place..found]);
        settled.extend_from_slice(BOUNDARY.as_bytes());
        place = found + boundary.len();
    }
    settled.extend_from_slice(&body[place..]);
    settled
}

/// What stands between the parts, as the type says.
fn boundary(kind: &str) -> Option<&str> {
    let mut parameters = kind.split(';').skip(1).filter_map(|parameter| parameter.trim().split_once('='));
    let (_, value) = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))?;
    Some(value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(kind: &str, body: &str) -> (String, String) {
        let mut headers = BTreeMap::from([(TYPE.to_owned(), kind.to_owned())]);
        let body = with_one_boundary(&mut headers, body.as_bytes());
        (headers.remove(TYPE).expect("it stays"), String::from_utf8(body).expect("text"))
    }

    #[test]
    fn two_requests_with_the_same_parts_are_the_same() {
        let of = |boundary: &str, quote: &str| {
            let kind = format!("multipart/form-data; boundary={quote}{boundary}{quote}");
            settled(&kind, &format!("--{boundary}\r\nA: b\r\n\r\nc\r\n--{boundary}--\r\n"))
        };
        let (kind, body) = of("d74496d66958873e2f", "");
        assert_eq!(kind, "multipart/form-data; boundary=kernwerk-cassette-boundary");
        assert_eq!(body, "--kernwerk-cassette-boundary\r\nA: b\r\n\r\nc\r\n--kernwerk-cassette-boundary--\r\n");
        assert_eq!(of("----WebKitFormBoundary7MA4YWxk", ""), (kind, body.clone()));
        assert_eq!(of("0b8f:3c/1a6e,9d", "\"").1, body);
    }

    #[test]
    fn other_bodies_stay_as_they_are() {
        for kind in ["application/json; boundary=d74496d66958873e2f", "multipart/mixed", "multipart/mixed; boundary=a"]
        {
            let body = "a d74496d66958873e2f";
            assert_eq!(settled(kind, body), (kind.to_owned(), body.to_owned()));
        }
    }
}
