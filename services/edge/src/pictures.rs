//! Pictures as APIs carry them: their bytes in base64. A picture by its address is refused, because
//! no request can make Terrace open a host.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use terrace_proto::common::v1::Image;

/// A picture in a `data:` URL, as `data:image/png;base64,iVBORw0…`.
///
/// # Errors
/// It is no such URL; says what to send instead.
pub(crate) fn of_data_url(url: &str) -> Result<Image, String> {
    let wrong = || {
        "has to hold the picture itself, as `data:image/png;base64,…`: Terrace opens no address \
         that a request names"
            .to_owned()
    };
    let (kind, data) = url
        .strip_prefix("data:")
        .and_then(|rest| rest.split_once(','))
        .ok_or_else(wrong)?;
    let media_type = kind.strip_suffix(";base64").ok_or_else(wrong)?;
    of_base64(media_type, data)
}

/// A picture by its media type and its bytes in base64.
///
/// # Errors
/// The text is no base64.
pub(crate) fn of_base64(media_type: &str, data: &str) -> Result<Image, String> {
    let data = STANDARD
        .decode(data)
        .map_err(|error| format!("is no base64: {error}"))?;
    Ok(Image {
        data,
        media_type: media_type.to_ascii_lowercase(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_read_from_its_url() {
        let image = of_data_url("data:image/PNG;base64,aGk=").unwrap();
        assert_eq!(
            (&*image.media_type, &*image.data),
            ("image/png", &b"hi"[..])
        );
    }

    #[test]
    fn an_address_is_no_picture() {
        for url in [
            "https://example.com/a.png",
            "data:image/png,abc",
            "data:",
            "",
        ] {
            assert!(
                of_data_url(url).unwrap_err().contains("data:image/png"),
                "{url}"
            );
        }
        assert!(
            of_data_url("data:image/png;base64,*")
                .unwrap_err()
                .contains("base64")
        );
    }
}
