"""Files that somebody else may have planted."""

import errno
import os
import socket

import pytest
from planted import ANOTHER, CAN_GIVE_AWAY, given_away

from hoptoad.runtime import safe_files
from hoptoad.runtime.safe_files import Untrusted

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    return path


def fifo(path):
    os.mkfifo(path)


def folder(path):
    path.mkdir()


def socket_file(path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))  # the name of a socket has to be short


def symbolic_link(path):
    (path.parent / "target").write_bytes(b"x")
    path.symlink_to("target")


def link_to_a_device(path):
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("planted", [fifo, folder, socket_file, symbolic_link, link_to_a_device])
def test_only_regular_files_are_read(tmp_path, monkeypatch, planted):
    monkeypatch.chdir(tmp_path)
    planted(tmp_path / "planted")

    with pytest.raises(Untrusted, match="not a regular file"):
        safe_files.read(str(tmp_path / "planted"), 100)


@pytest.mark.parametrize("device", ["/dev/null", "/dev/zero", "/dev/tty"])
def test_a_device_is_not_opened(monkeypatch, device):
    monkeypatch.setattr(os, "open", None)

    with pytest.raises(Untrusted):
        safe_files.read(device, 100, of_anybody=True)


def test_a_fifo_that_replaces_a_file_in_between_is_not_waited_for(file, monkeypatch):
    regular = os.lstat(file)
    file.unlink()
    os.mkfifo(file)
    monkeypatch.setattr(os, "lstat", lambda path: regular)

    with pytest.raises(Untrusted, match="not a regular file"):
        safe_files.read(str(file), 100)


def test_a_link_that_replaces_a_file_in_between_is_not_followed(file, monkeypatch):
    regular = os.lstat(file)
    file.rename(file.with_name("elsewhere"))
    file.symlink_to("elsewhere")
    monkeypatch.setattr(os, "lstat", lambda path: regular)

    with pytest.raises(OSError) as raised:  # noqa: PT011 - by its number
        safe_files.read(str(file), 100)
    assert raised.value.errno == errno.ELOOP


def test_a_file_is_read_up_to_its_bound_and_not_beyond(file):
    assert safe_files.read(str(file), 10) == b"0123456789"

    with pytest.raises(Untrusted, match="more than 9 bytes"):
        safe_files.read(str(file), 9)


def test_a_file_that_hides_its_size_is_bounded_too():
    with pytest.raises(Untrusted, match="more than 3 bytes"):
        safe_files.read("/proc/self/status", 3, of_anybody=True)  # its size is 0


def test_a_sparse_file_is_not_read(file, monkeypatch):
    os.truncate(file, 3 * 2**30)
    monkeypatch.setattr(os, "read", None)

    with pytest.raises(Untrusted):
        safe_files.read(str(file), 1_000_000)


def test_a_file_of_another_user_is_read_only_where_that_does_not_matter(file, monkeypatch):
    given_away(file, monkeypatch)

    with pytest.raises(Untrusted, match="belongs to user"):
        safe_files.read(str(file), 100)
    assert safe_files.read(str(file), 100, of_anybody=True) == b"0123456789"


def test_no_descriptor_is_left_open(file, monkeypatch):
    before = os.listdir("/proc/self/fd")
    given_away(file, monkeypatch)
    for _ in range(5):
        with pytest.raises(Untrusted):
            safe_files.read(str(file), 100)
        safe_files.read(str(file), 100, of_anybody=True)

    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_what_only_its_owner_can_write_is_trusted(file):
    file.chmod(0o644)
    file.parent.chmod(0o755)

    safe_files.require_unwritable(str(file))


@pytest.mark.parametrize("mode", [0o666, 0o646, 0o602, 0o777])
def test_what_others_can_write_is_named(file, mode):
    file.chmod(mode)

    with pytest.raises(Untrusted, match=r"others can write to .*/file: .*chmod go-w"):
        safe_files.require_unwritable(str(file))


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o703])
def test_so_is_a_directory_in_which_others_can_write(file, mode):
    file.parent.chmod(mode)

    with pytest.raises(Untrusted, match="others can write to"):
        safe_files.require_unwritable(str(file))


@pytest.mark.parametrize(("mode", "is_trusted"), [(0o755, True), (0o1777, True), (0o777, False)])
def test_directories_above_may_be_open_to_all_where_they_are_sticky(tmp_path, mode, is_trusted):
    below = tmp_path / "above" / "below"
    below.mkdir(parents=True)
    below.parent.chmod(mode)
    (below / "file").touch()

    try:
        safe_files.require_unwritable(str(below / "file"))
    except Untrusted:
        assert not is_trusted
    else:
        assert is_trusted


@pytest.mark.skipif(not CAN_GIVE_AWAY, reason="needs root")
def test_a_group_that_has_other_members_can_write_too(file):
    file.chmod(0o664)
    safe_files.require_unwritable(str(file))  # root's own group

    os.chown(file, -1, ANOTHER)

    with pytest.raises(Untrusted, match="others can write"):
        safe_files.require_unwritable(str(file))


def test_its_owner_can_write_too(file, monkeypatch):
    given_away(file, monkeypatch)

    with pytest.raises(Untrusted, match="belongs to user"):
        safe_files.require_unwritable(str(file))
    safe_files.require_unwritable(str(file), file.stat().st_uid, *{0, os.getuid()})


@pytest.mark.parametrize("place", ["../outside", "link/outside", "link", "..", "inside/../../outside"])
def test_a_path_that_leads_out_of_its_directory_is_refused(tmp_path, place):
    root = tmp_path / "root"
    (root / "inside").mkdir(parents=True)
    (root / "link").symlink_to(tmp_path)

    with pytest.raises(Untrusted, match="lies outside"):
        safe_files.real_path_below(str(root / place), str(root))


def test_a_path_inside_is_returned_without_its_links(tmp_path):
    (tmp_path / "inside").mkdir()
    (tmp_path / "link").symlink_to("inside")
    here = os.path.realpath(tmp_path)

    assert safe_files.real_path_below(f"{tmp_path}/link/file", str(tmp_path)) == f"{here}/inside/file"
    assert safe_files.real_path_below("/etc", "/") == "/etc"
    with pytest.raises(Untrusted):
        safe_files.real_path_below("/etc", "")
    with pytest.raises(Untrusted):
        safe_files.real_path_below(f"{tmp_path}-other/file", str(tmp_path))


def test_a_system_without_these_flags_and_owners_reads_regular_files(file, monkeypatch):
    monkeypatch.delattr(os, "geteuid")
    monkeypatch.setattr(safe_files, "FLAGS", 0)
    given_away(file)

    assert safe_files.read(str(file), 10) == b"0123456789"
