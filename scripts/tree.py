# SPDX-License-Identifier: GPL-2.0
"""The model behind prepare, refresh and series: a tree is a chain of commits.

   base (tag)  the pristine kernel source
   overlay     one commit: every new file
   patch ...   one commit a patch, in the order of patches/series

The chain is built in git's object store alone, through an index of its own.
Work trees change only when the whole chain is there, so a failing patch or an
interruption leaves nothing half done.
"""
import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
O = os.path.abspath(os.environ.get("O") or ROOT + "/build")
CACHE = os.path.abspath(
    os.environ.get("CACHE")
    or (os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    + "/paravirt-i386")
LINUX = os.environ.get("LINUX", "")
TREE = O + "/linux"
PATCHES = ROOT + "/patches"
OVERLAY = ("Documentation", "arch", "include", "kernel", "tools/testing")
VERSION = "6.12"

# Never part of the overlay: what editors, compilers and merges leave behind.
JUNK = ("*.o", "*.a", "*.ko", "*.mod", "*.mod.c", "*.cmd", "*.pyc", "*.orig",
        "*.rej", "*~", ".*.sw?", "__pycache__/")
COMMITTER = "paravirt-i386 <paravirt-i386@localhost>"
EPOCH = "1577836800 +0000"


class Refusal(Exception):
    """A one-line message that names the next command."""


def run(args, data=None, cwd=None, env=None, check=True):
    """Run a command on bytes; return what subprocess.run() does."""
    res = subprocess.run(args, input=data, cwd=cwd, env=env,
                         capture_output=True)
    if check and res.returncode:
        text = res.stderr.decode(errors="replace").strip() or "no message"
        raise Refusal(f"{' '.join(args[:4])} failed: {last_line(text)}")
    return res


def last_line(text):
    return text.strip().splitlines()[-1] if text.strip() else ""


def git_env(**extra):
    """An environment in which no user's configuration reaches git."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    name, mail = COMMITTER[:-1].split(" <")
    env.update(GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_NOSYSTEM="1",
               GIT_AUTHOR_NAME=name, GIT_AUTHOR_EMAIL=mail,
               GIT_AUTHOR_DATE=EPOCH, GIT_COMMITTER_NAME=name,
               GIT_COMMITTER_EMAIL=mail, GIT_COMMITTER_DATE=EPOCH,
               LC_ALL="C", TZ="UTC", **extra)
    return env


def kbuild_env():
    """An environment in which nothing that the caller builds with has a say."""
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("MAKE", "KBUILD_", "CCACHE_", "LLVM"))
           and k not in ("O", "MFLAGS", "LINUX", "ARCH", "CROSS_COMPILE",
                         "KCFLAGS", "KAFLAGS", "KCPPFLAGS", "LOCALVERSION")}
    env.update(LC_ALL="C", TZ="UTC")
    return env


def git(*args, data=None, check=True, tree=None, **extra):
    """Run git in the prepared tree; return its output without last newline."""
    cmd = ["git", "-c", "core.quotePath=false", "-c", "gc.auto=0",
           "-c", "advice.detachedHead=false", *args]
    res = run(cmd, data, tree or TREE, git_env(**extra), check=False)
    if res.returncode and check:
        text = res.stderr.decode(errors="replace")
        raise Refusal(f"git {args[0]} failed: {last_line(text)}")
    if res.returncode:
        return None
    return res.stdout.decode("utf-8", "surrogateescape").rstrip("\n")


def sha(data):
    return hashlib.sha256(data).hexdigest()


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, data):
    """Replace a file in one step."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    tmp = path + ".new"
    with open(tmp, "wb") as f:
        f.write(data)
    os.replace(tmp, path)


def load(path):
    try:
        return json.loads(read(path))
    except (OSError, ValueError):
        return {}


def recorded(what):
    """A value of scripts/base-version."""
    for line in open(ROOT + "/scripts/base-version"):
        if line.split()[:1] == [what]:
            return line.split()[1]
    raise Refusal(f"scripts/base-version lacks the line '{what}'")


# ---------------------------------------------------------------------------
# Messages

def say(text):
    print(f"{os.path.basename(sys.argv[0])}: {text}", flush=True)


@contextlib.contextmanager
def step(text):
    """Announce a long step, with what it took last time; remember that."""
    path = CACHE + "/times.json"
    last = load(path).get(text)
    say(text + (f" (last time {last} s)" if last is not None else ""))
    start = time.time()
    yield
    times = load(path)
    times[text] = round(time.time() - start)
    write(path, json.dumps(times, indent=1, sort_keys=True).encode())


LOCKS = []


def lock(path):
    """Wait until no other run holds this lock; hold it until the end."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    f = open(path, "w")
    LOCKS.append(f)
    try:
        fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say(f"waiting for another run that holds {path}")
        fcntl.flock(f, fcntl.LOCK_EX)


def main(func):
    """Run a script's main function; end each refusal in one line."""
    name = os.path.basename(sys.argv[0])
    for signum in (signal.SIGTERM, signal.SIGHUP):
        # nohup
        if signal.getsignal(signum) != signal.SIG_IGN:
            signal.signal(signum, signal.default_int_handler)
    try:
        sys.exit(func())
    except Refusal as e:
        sys.exit(f"{name}: {e}")
    except KeyboardInterrupt:
        sys.exit(f"{name}: interrupted")
    except OSError as e:
        where = f": {e.filename}" if e.filename else ""
        sys.exit(f"{name}: {e.strerror}{where}")


# ---------------------------------------------------------------------------
# What the repository holds

def series_lines():
    """The lines of patches/series; none when there is no series yet."""
    try:
        return read(PATCHES + "/series").decode().splitlines()
    except FileNotFoundError:
        return []


def series():
    """The patch names of patches/series, in order."""
    lines = (line.split("#")[0].strip() for line in series_lines())
    return [line for line in lines if line]


def patch_files():
    """Each patch of the series with its content, in order."""
    res = {}
    for name in series():
        try:
            res[name] = read(f"{PATCHES}/{name}")
        except FileNotFoundError:
            raise Refusal(f"patches/series names {name}, which is not there: "
                          "add the file or drop the line") from None
    return res


def overlay_files():
    """Each overlay file (path in the kernel tree) with (mode, content)."""
    cmd = ["find", *[d for d in OVERLAY if os.path.isdir(f"{ROOT}/{d}")]]
    if len(cmd) == 1:
        return {}
    for pattern in JUNK:
        cmd += ["!", "-path", "*/" + pattern + "*" * pattern.endswith("/")]
    out = run(cmd + ["-type", "f"], cwd=ROOT).stdout.decode()
    return {p: file_entry(f"{ROOT}/{p}") for p in sorted(out.splitlines())}


def file_entry(path):
    return ("100755" if os.access(path, os.X_OK) else "100644", read(path))


def overlay_sums(files):
    return {p: sha(mode.encode() + data) for p, (mode, data) in files.items()}


def key(source, overlay, patches, upto=""):
    """The hash of everything a prepared tree is made of."""
    names = list(patches)
    if upto:
        names = names[:names.index(upto) + 1]
    parts = [source, upto, *sum(map(list, overlay_sums(overlay).items()), [])]
    for name in names:
        parts += [name, sha(patches[name])]
    return sha("\0".join(parts).encode())


# ---------------------------------------------------------------------------
# The prepared tree

def stamp_path(tree=None):
    return (tree or TREE) + "/.git/paravirt.json"


def stamp():
    """What prepare or refresh last knew about the tree."""
    return load(stamp_path())


def write_stamp(tree=None, **values):
    write(stamp_path(tree), json.dumps(values, indent=1).encode())


def kernel_version(makefile):
    """'6.12.117' from the text of a kernel's top Makefile."""
    vals = dict(line.split("=", 1) for line in
                makefile.splitlines()[:8] if "=" in line)
    vals = {k.strip(): v.strip() for k, v in vals.items()}
    try:
        return "{VERSION}.{PATCHLEVEL}.{SUBLEVEL}".format(**vals)
    except KeyError:
        return ""


def dirty(tree=None):
    """Tracked files that differ from HEAD, and unknown files."""
    git("update-index", "-q", "--really-refresh", tree=tree, check=False)
    changed = git("diff-index", "--no-renames", "--name-only", "HEAD",
                  tree=tree)
    exclude = ["--exclude=" + p for p in JUNK]
    others = git("ls-files", "--others", *exclude, tree=tree)
    return changed.splitlines(), others.splitlines()


def blobs(files, tree=None):
    """Store overlay files as objects; return lines for update-index."""
    lines = []
    for path, (mode, data) in files.items():
        oid = git("hash-object", "-w", "--stdin", data=data, tree=tree)
        lines.append(f"{mode} {oid}\t{path}")
    return "\n".join(lines).encode() + b"\n" if lines else b""


def mail(data, tree=None):
    """Author, date and message of a patch file, as git am reads them."""
    tmp = (tree or TREE) + "/.git/paravirt-mail"
    head = git("mailinfo", "-k", tmp + ".msg", tmp + ".diff", data=data,
               tree=tree)
    body = read(tmp + ".msg").decode("utf-8", "surrogateescape").strip("\n")
    info = dict(line.split(": ", 1) for line in head.splitlines()
                if ": " in line)
    for field in ("Author", "Email", "Subject", "Date"):
        if field not in info:
            raise Refusal(f"no {field} in its mail header")
    msg = info["Subject"] + "\n" + ("\n" + body + "\n" if body else "")
    return info, msg


class Chain:
    """Commits in the making, in an index of their own."""

    def __init__(self, tree=None, start="base"):
        self.tree = tree or TREE
        self.index = self.tree + "/.git/paravirt-index"
        self.head = git("rev-parse", start + "^{commit}", tree=self.tree)
        self.base = git("rev-parse", "base^{commit}", tree=self.tree)
        self.version = kernel_version(
            git("show", "base:Makefile", tree=self.tree))
        self.git("read-tree", self.head)

    def git(self, *args, **kw):
        return git(*args, tree=self.tree, GIT_INDEX_FILE=self.index, **kw)

    def commit(self, msg, info=None):
        cmd = ["commit-tree", "-p", self.head, self.git("write-tree")]
        env = {}
        if info:
            env = {f"GIT_{who}_{what}": info[field]
                   for who in ("AUTHOR", "COMMITTER")
                   for what, field in (("NAME", "Author"), ("EMAIL", "Email"),
                                       ("DATE", "Date"))}
        res = run(["git", *cmd], msg.encode("utf-8", "surrogateescape"),
                  self.tree, dict(git_env(), **env))
        self.head = res.stdout.decode().strip()
        return self.head

    def add(self, files):
        """Add overlay files, none of which may be in the base."""
        if not files:
            return
        have = self.git("ls-tree", "-r", "--name-only", self.base, "--",
                        *files)
        if have:
            raise Refusal(f"overlay file {have.splitlines()[0]} is in Linux "
                          f"{self.version} already: make it a patch")
        self.git("update-index", "--add", "--index-info",
                 data=blobs(files, self.tree))

    def apply(self, name, data):
        """Apply one patch at fuzz 0 and commit it; return the commit."""
        try:
            info, msg = mail(data, self.tree)
        except Refusal as e:
            raise Refusal(f"patches/{name}: {e}: write it with make refresh") \
                from None
        res = run(["git", "apply", "--cached", "--whitespace=nowarn", "-"],
                  data, self.tree, git_env(GIT_INDEX_FILE=self.index),
                  check=False)
        if res.returncode:
            again = run(["git", "apply", "--cached", "--check", "-R", "-"],
                        data, self.tree, git_env(GIT_INDEX_FILE=self.index),
                        check=False)
            if not again.returncode:
                raise Refusal(
                    f"patches/{name} is in Linux {self.version} already: "
                    "name an unpatched LINUX=, or drop the patch")
            err = res.stderr.decode(errors="replace").splitlines()
            where = next((x.split(": ", 2)[-1] for x in err
                          if x.startswith("error: patch failed")),
                         err[0].split(": ", 1)[-1] if err else "?")
            raise Refusal(
                f"patches/{name} does not apply to Linux {self.version} at "
                f"{where}: use the recorded base (make fetch, no LINUX=) or "
                "refresh the patch")
        return self.commit(msg, info)

    def build(self, overlay, patches, upto=""):
        """Overlay and patches, up to one of them; return the last commit."""
        self.add(overlay)
        self.commit("overlay\n")
        for name, data in patches.items():
            self.apply(name, data)
            if name == upto:
                break
        self.close()
        return self.head

    def close(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.index)


def remove(path):
    shutil.rmtree(path, ignore_errors=True)
