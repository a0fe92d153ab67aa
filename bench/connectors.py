"""How large a connector is, and which files beside its folders name its vendor."""

from harness import ROOT

COMMENTS = ("//", "#!", "#[doc")


def code(path):
    """Lines of code: without blank ones, comments and unit tests."""
    text = path.read_text().split("#[cfg(test)]\nmod tests")[0]
    return [line for line in text.splitlines() if line.strip() and not line.strip().startswith(COMMENTS)]


def lines(slug):
    return sum(len(code(path)) for path in (ROOT / "crates" / "connect" / "src" / slug).rglob("*.rs"))


def elsewhere(slug):
    """Product files outside its two folders whose code names the vendor; tests and the sandbox's own programs apart."""
    own = [ROOT / "crates" / crate / "src" / slug for crate in ("connect", "sandbox")]
    files = (path for path in ROOT.glob("crates/*/src/**/*.rs") if not any(folder in path.parents for folder in own))
    files = (path for path in files if not path.name.startswith("tests") and "tests" not in path.parts)
    return sorted(str(path.relative_to(ROOT)) for path in files if any(slug in line.lower() for line in code(path)))
