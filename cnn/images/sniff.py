"""What kind of file some bytes are, by their content and never by their name."""

__all__ = ["ACCEPTED", "kind_of", "refused_kind"]

ACCEPTED = ("JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF", "AVIF")

# (offset, bytes, what to call it); the words go into "This is {kind}, not a picture ..."
_REFUSED: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF", "PDF"),
    (0, b"%!PS", "PostScript (EPS)"),
    (0, b"\xc5\xd0\xd3\xc6", "PostScript (EPS)"),
    (0, b"8BPS", "PSD (Photoshop)"),
    (0, b"PK\x03\x04", "ZIP"),
    (0, b"PK\x05\x06", "ZIP"),
    (0, b"Rar!\x1a\x07", "RAR"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (0, b"\x1f\x8b", "gzip"),
    (0, b"BZh", "bzip2"),
    (0, b"\xfd7zXZ\x00", "xz"),
    (0, b"\x28\xb5\x2f\xfd", "zstd"),
    (0, b"\x00\x00\x01\x00", "ICO"),
    (0, b"\x00\x00\x02\x00", "CUR"),
    (0, b"icns", "ICNS"),
    (0, b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\x76\x2f\x31\x01", "OpenEXR"),
    (0, b"#?RADIANCE", "Radiance HDR"),
    (0, b"DDS ", "DDS"),
    (0, b"qoif", "QOI"),
    (0, b"FLIF", "FLIF"),
    (0, b"\x8aMNG", "MNG"),
    (0, b"\x8bJNG", "JNG"),
    (0, b"II\xbc\x01", "JPEG XR"),
    (0, b"IIRO", "RAW"),
    (0, b"FUJIFILMCCD-RAW", "RAW"),
    (0, b"SIMPLE  =", "FITS"),
    (0, b"\x89HDF\r\n\x1a\n", "HDF5"),
    (0, b"\x93NUMPY", "NumPy"),
    (128, b"DICM", "DICOM"),
    (0, b"\x1a\x45\xdf\xa3", "video (WebM)"),
    (0, b"FLV\x01", "video (FLV)"),
    (0, b"\x00\x00\x01\xba", "video (MPEG)"),
    (0, b"ID3", "audio (MP3)"),
    (0, b"OggS", "audio (Ogg)"),
    (0, b"fLaC", "audio (FLAC)"),
    (0, b"MZ", "EXE"),
    (0, b"\x7fELF", "ELF"),
    (0, b"\xca\xfe\xba\xbe", "Java"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Office"),
    (0, b"{\\rtf", "RTF"),
    (0, b"SQLite format 3", "SQLite"),
    (257, b"ustar", "TAR"),
    (0, b"\xd7\xcd\xc6\x9a", "WMF"),
    (40, b" EMF", "EMF"),
)
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
_HTML_STARTS = (b"<!doctype html", b"<html", b"<head", b"<body", b"<script", b"<!--", b"<title", b"<meta")


def kind_of(data: bytes) -> str | None:
    """One of `ACCEPTED`, or None where the content is something else."""
    if data[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "PNG"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[:4] in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"):
        return None if data[8:10] == b"CR" else "TIFF"
    if data[4:8] == b"ftyp":
        return "AVIF" if any(brand in (b"avif", b"avis") for brand in _brands(data)) else None
    if data[:2] == b"BM" and _is_bmp(data):
        return "BMP"
    return None


def refused_kind(data: bytes) -> str | None:
    """The name of a known kind that is not accepted ("HEIC", "PDF", ...), or None for an unknown one."""
    if data[4:8] == b"ftyp":
        return "HEIC" if any(brand in _HEIF_BRANDS for brand in _brands(data)) else "video (MP4)"
    if data[:4] == b"RIFF":
        return {b"AVI ": "video (AVI)", b"WAVE": "audio (WAV)"}.get(data[8:12], "RIFF")
    if data[8:10] == b"CR" and data[:2] in (b"II", b"MM"):
        return "RAW"
    for offset, signature, name in _REFUSED:
        if data[offset : offset + len(signature)] == signature:
            return name
    if data[:1] == b"P" and data[1:2] in b"1234567fF" and data[2:3].isspace():
        return "PNM"
    return _text_kind(data[:2048])


def _brands(data: bytes) -> list[bytes]:
    end = min(int.from_bytes(data[:4], "big"), 256, len(data))
    return [data[8:12]] + [data[at : at + 4] for at in range(16, end - 3, 4)]


def _is_bmp(data: bytes) -> bool:
    return int.from_bytes(data[14:18], "little") in (12, 16, 40, 52, 56, 64, 108, 124)


def _text_kind(head: bytes) -> str | None:
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        head = head.replace(b"\x00", b"")[2:]
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if b"<svg" in text:
        return "SVG"
    if text.startswith(_HTML_STARTS):
        return "HTML"
    if text.startswith(b"<?xml"):
        return "XML"
    if text and all(byte >= 32 or byte in b"\t\n\r\f" for byte in text) and _is_utf8(head):
        return "text"
    return None


def _is_utf8(head: bytes) -> bool:
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"  # a character cut by the end of the head
    return True
