"""What `extproc version` says."""

from extproc.cli.version import version_in


def test_the_version_of_envoy_is_read_however_its_program_is_called() -> None:
    said = "version: 9e5580933739775e8bce696a57a2e1bc99368f23/1.40.0/Clean/RELEASE/BoringSSL\n"
    assert version_in(f"\nenvoy  {said}") == "1.40.0"
    assert version_in(f"\n/opt/tools/bin/envoy  {said}") == "1.40.0"
    assert version_in("something else\n") == "something else"
