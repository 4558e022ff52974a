//go:build linux

package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// deed is a hostile thing that an agent does in its container, in the worktree, as bash. It finds in $N a random number, in
// $G and $C the git directory and the common one, in $RUN the folder that it shares with the host, in $CANARY a folder of
// the user's that it must not reach, in $SECRETREPO and $SECRET a repository of the user's and a commit there, and in $PWN a
// file on the host that must not come to be. pick prints one of its arguments, chosen by $N.
type deed struct{ name, script string }

// hostReads are what the host looks at, so that something else in its place is worth a try.
const hostReads = `.dockerignore .gitignore .gitattributes .gitmodules .headjack.yaml .worktreeinclude Dockerfile Containerfile .headjack/Dockerfile lib/dep/.git lib lib/dep .git code $G/HEAD $G/refs $G/refs/heads $G/index $G/packed-refs $G/objects/pack $G/objects $G/objects/info $G/objects/info/alternates $G/config $G/logs $RUN/sessions $RUN/sessions/shell $RUN/sessions/shell/state.json $RUN/sessions/shell/log $RUN/git`

const place = `t=$(pick ` + hostReads + `); mkdir -p "$(dirname "$t")"; rm -rf "$t"; `

const evil = `"touch $PWN; false"`

var deeds = []deed{
	{"links into the user's files", `ln -sfn $CANARY link; ln -sf $CANARY/key key; ln -sfn / all; mkdir -p d; ln -sfn $CANARY d/up; ln -sfn $CANARY .headjack; git add -A; git commit -qm links`},
	{"a link in a place that is read", place + `ln -s "$(pick $CANARY $CANARY/key /dev/zero /dev/tty /proc/self/fd/0 $SECRETREPO/.git /etc/passwd loop)" "$t"`},
	{"a FIFO in a place that is read", place + `mkfifo "$t"`},
	{"a sparse file in a place that is read", place + `truncate -s 60G "$t"`},
	{"a folder in a place that is read", place + `mkdir -p "$t/x/y"`},
	{"a file in a place that is read", place + `head -c 200000 /dev/urandom >"$t"`},
	{"many files in a place that is read", place + `mkdir -p "$t"; cd "$t" && touch $(seq 20000)`},
	{"a folder that is a link by turns", `mkdir -p z; echo k >z/key; printf 'FROM hjk-test/busybox:1\nCOPY . /ctx\n' >Dockerfile; turns 12 "mv z z.real; ln -s $CANARY z; rm z; mv z.real z"`},
	{"folders that are links by turns", `mkdir -p $(seq -f z%.0f 60); for i in z[0-9]*; do echo k >$i/key; done; head -c 20000000 /dev/zero >a-first; printf 'FROM hjk-test/busybox:1\nCOPY . /ctx\n' >Dockerfile; turns 12 "for i in z[0-9]*; do mv \$i r; ln -s $CANARY \$i; rm \$i; mv r \$i; done"`},
	{"the worktree's git that is a link by turns", `turns 12 "mv .git .g; ln -s $SECRETREPO/.git .git; rm .git; mv .g .git"`},
	{"the references that are a link by turns", `turns 12 "mv $G/refs $G/r; ln -s $SECRETREPO/.git/refs $G/refs; rm $G/refs; mv $G/r $G/refs"`},
	{"the sessions that are a link by turns", `turns 12 "mv $RUN/sessions $RUN/s; ln -s $CANARY $RUN/sessions; rm $RUN/sessions; mv $RUN/s $RUN/sessions"`},
	{"a submodule's place that leads out", `rm -rf lib; case $((N % 3)) in 0) mkdir -p lib/dep; ln -s $CANARY lib/dep/.git ;; 1) ln -s $SECRETREPO lib; git init -q lib/dep ;; 2) mkdir lib; ln -s $SECRETREPO lib/dep ;; esac
printf '[submodule "dep"]\n\tpath = lib/dep\n\turl = ../dep\n' >.gitmodules; git add .gitmodules; git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),lib/dep; git commit -qm sub`},
	{"a repository in a submodule's place", `rm -rf lib; git init -q lib/dep; git -C lib/dep commit -q --allow-empty -m x; git -C lib/dep config core.fsmonitor ` + evil + `; git add lib/dep; git commit -qm sub`},
	{"hooks", `for d in $C/hooks $G/hooks .git/hooks hooks; do mkdir -p $d; for h in post-commit pre-commit post-checkout post-merge reference-transaction post-index-change pre-auto-gc; do printf '#!/bin/sh\ntouch %s\n' "$PWN" >$d/$h; chmod +x $d/$h; done; done; git config core.hooksPath $C/hooks`},
	{"git's programs", `k=$(pick core.fsmonitor core.sshCommand core.pager core.editor diff.external gpg.program credential.helper core.askPass uploadpack.packObjectsHook core.gitProxy alias.st filter.e.clean filter.e.process diff.e.textconv)
git config $k ` + evil + `; echo '* filter=e diff=e' >.gitattributes; echo changed >>code; git config -f .git/config $k ` + evil},
	{"a replaced .git", `rm -rf .git; case $((N % 3)) in 0) git init -q . ; git config core.fsmonitor ` + evil + ` ;; 1) echo "gitdir: $SECRETREPO/.git" >.git ;; 2) cp -r $C evil; echo "gitdir: $PWD/evil" >.git; git config -f evil/config core.fsmonitor ` + evil + ` ;; esac`},
	{"the worktrees of others", `for w in .worktrees/* /home/*/data/headjack/git/*; do [ -e "$w" ] || continue; rm -rf "$w/.git"; git init -q "$w"; git -C "$w" config core.fsmonitor ` + evil + `; done`},
	{"the folder of others' worktrees, moved", `mv .worktrees .w && mkdir -p .worktrees/within && git init -q .worktrees/within && git -C .worktrees/within config core.fsmonitor ` + evil + `; mv lib l && mkdir lib`},
	{"alternates and commondir", `echo $SECRETREPO/.git/objects >>$G/objects/info/alternates; echo $SECRET >$G/refs/heads/steal; echo $SECRETREPO/.git >$G/commondir; ln -s $SECRETREPO/.git/objects/pack $G/objects/pack2; ln -sf $SECRETREPO/.git/packed-refs $G/packed-refs`},
	{"many references", `h=$(git rev-parse HEAD); for i in $(seq $((N * 4))); do printf '%s refs/heads/n%d-%d\n' $h $N $i; done >>$G/packed-refs; for i in $(seq $((N / 4))); do echo $h >$G/refs/heads/l$i; done`},
	{"many commits on branches", `for i in $(seq 60); do git branch -f c$i $(git commit-tree -p HEAD -m $N.$i HEAD^{tree}); done`},
	{"references with names of their own", `h=$(git rev-parse HEAD); for n in $'a\nb' $'\e[31mred' -x 'x y' a..b x.lock '@{' HEAD ../../x; do echo $h >"$G/refs/heads/$n"; done; printf '%s refs/heads/../../x\n%s refs/evil/x\n' $h $h >>$G/packed-refs; echo 'ref: refs/heads/loop' >$G/refs/heads/loop; echo 'ref: ../../../../etc/passwd' >$G/HEAD`},
	{"a tag of a blob", `git tag -f blob$N $(echo $N | git hash-object -w --stdin); git tag -f tree$N HEAD^{tree}; git tag -f -a -m x ann$N blob$N`},
	{"a tree bomb", `b=$(echo $N | git hash-object -w --stdin); t=$(for i in 0 1 2 3 4 5 6 7 8 9; do printf '100644 blob %s\tf%s\n' $b $i; done | git mktree); for l in $(seq $((4 + N % 6))); do t=$(for i in 0 1 2 3 4 5 6 7 8 9; do printf '040000 tree %s\td%s\n' $t $i; done | git mktree); done; git update-ref refs/heads/bomb $(git commit-tree -p HEAD -m bomb $t)`},
	{"a sparse pack", `mkdir -p $G/objects/pack; truncate -s 14G $G/objects/pack/pack-$(printf %040d $N).pack; touch $G/objects/pack/pack-$(printf %040d $N).idx; git commit -q --allow-empty -m $N`},
	{"broken objects", `git commit -q --allow-empty -m b; o=$(git rev-parse HEAD); f=$G/objects/${o:0:2}/${o:2}; chmod +w $f; case $((N % 3)) in 0) head -c 30 /dev/zero >$f ;; 1) rm $f; mkfifo $f ;; 2) rm $f; ln -s $CANARY/key $f ;; esac`},
	{"a giant subject", `head -c $((N * 40000)) /dev/zero | tr '\0' s | git commit -q --allow-empty -F -`},
	{"giant files", `head -c 40000000 /dev/zero | tr '\0' '"' >giant; git add giant; git commit -qm giant`},
	{"a giant Dockerfile", `{ echo FROM hjk-test/busybox:1; head -c $((N * 30000)) /dev/zero | tr '\0' '#'; } >Dockerfile; truncate -s $((N % 2 * 60))G Dockerfile2; [ $((N % 2)) = 0 ] || mv Dockerfile2 Dockerfile`},
	{"many files", `mkdir -p m$N; cd m$N; touch $(seq 20000)`},
	{"deep folders", `( for i in $(seq 300); do mkdir -p aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa && cd aaa* || exit; done; echo deep >f; ln -s / f2 )`},
	{"names with control characters", `touch $'\e]0;pwned\a' $'a\nb' $'\e[2J' $'\xff\xfe' $'\u202egnp.exe' -- -rf; mkdir -p $'d\e[31m'; touch $'d\e[31m/x'; git add -A; git commit -qm $'\e]52;c;AAAA\a\e[31mred'`},
	{"locks", `touch $G/packed-refs.lock $G/index.lock $G/HEAD.lock $G/refs/heads/x.lock .git/index.lock`},
	{"everything is ignored", `printf '*\n' >.gitignore; echo work >work$N`},
	{"in the middle of something", `case $((N % 4)) in 0) git checkout -q --detach; git commit -q --allow-empty -m lost ;; 1) git bisect start; git bisect bad; git bisect good HEAD~1 ;; 2) git update-ref refs/wip/x $(git commit-tree -m wip HEAD^{tree}) ;; 3) echo x >x; git add x; git stash; git worktree add -q --detach /tmp/w$N; git -C /tmp/w$N commit -q --allow-empty -m there ;; esac`},
	{"everything is deleted", `rm -rf $(pick $G $C $RUN . $RUN/sessions $G/objects "$G/*")`},
	{"permissions", `mkdir -p ro/a/b; touch ro/a/b/f ro/a/f; chmod $(pick 0 555 111 222) ro/a/b ro/a ro; chmod $(pick 0 555 500 700) "$(pick . $RUN $RUN/sessions $RUN/sessions/shell $G $G/objects $G/refs code .git)"`},
	{"permissions of everything", `mkdir -p p/q; touch p/q/r; chmod -R $(pick a-w a-rwx a-x u+s) "$(pick p . $G $RUN)"`},
	{"a Dockerfile that takes everything", `printf 'FROM hjk-test/busybox:1\nCOPY . /ctx\nRUN cat /ctx/* 2>/dev/null; ls -lR /ctx/\n' >Dockerfile; rm -f .dockerignore`},
	{"a Dockerfile that reaches out", `printf '%s\n' 'FROM hjk-test/busybox:1' "COPY $(pick ../../private /../private $CANARY link key all d/up 'z*' lib) /ctx/" >Dockerfile`},
	{"a Dockerfile that asks for much", `printf '%s\n' "$(pick '# syntax=evil/frontend' '#check=error=true' '# escape=x')" "FROM $(pick hjk-test/busybox:1 '$(touch x)' scratch "$CANARY" localhost:1/x nowhere.invalid/x)" "RUN $(pick --mount=type=secret,id=x --mount=type=ssh --mount=type=bind,from=/,target=/h --mount=type=cache,target=/c --network=host --security=insecure) cat /run/secrets/*; touch $PWN" "RUN printf '\\033]0;pwned\\007\\033[2J'; $(pick exit\ 3 'head -c 3000000 /dev/zero | tr "\\0" "\\n"' 'sleep 5' 'ls / /c')" >Dockerfile`},
	{"a .dockerignore", `rm -rf .dockerignore; case $((N % 4)) in 0) ln -s /dev/zero .dockerignore ;; 1) seq 200000 >.dockerignore ;; 2) printf '%s\n' '**/**/**/**/a' '!**' '[' '../..' "!$CANARY" >.dockerignore ;; 3) head -c 20000000 /dev/zero | tr '\0' '*' >.dockerignore ;; esac`},
	{"a .headjack.yaml", `rm -rf .headjack.yaml; pick "worktrees: $CANARY" 'network: default' 'network: host' 'resources: {pids: 99999999, memory: 900g}' 'agents: {shell: {command: [sh, -c, "env; cat"]}}' "image: $CANARY" 'image: ../../private' 'image: /dev/zero' "build: {secrets: ['id=x,src=$CANARY/key']}" 'git: {ssh: true, token: HOME}' 'ports: [1, 22, 80]' 'security: {noNewPrivileges: false, capabilities: [ALL]}' 'a: &a [*a, *a]' $'x: "\e[2J"' '{{{{' >.headjack.yaml; git add -A; git commit -qm conf`},
	{"a bomb in .headjack.yaml", `{ echo 'a0: &a0 [x,x,x,x,x,x,x,x,x]'; for i in $(seq 9); do echo "a$i: &a$i [$(for j in 1 2 3 4 5 6 7 8 9; do printf '*a%d,' $((i-1)); done)]"; done; } >.headjack.yaml; git add -A; git commit -qm bomb`},
	{"forged states", `for i in $(seq $((N % 300))); do mkdir -p $RUN/sessions/f$i; printf '{"name":"f%d","agent":"\\u001b[31m$(touch %s)","state":"running","pid":%d,"kind":"tmux"}' $i $PWN $i >$RUN/sessions/f$i/state.json; done; mkdir -p "$RUN/sessions/\$(touch $PWN)"; printf '{"name":"shell","state":"running","waiting":true,"agent":"a\\nb"}' >$RUN/sessions/shell/state.json`},
	{"links where the helper writes", `for f in state.json state.json.1 state.json.tmp log log.1 pid exit; do for s in evil shell; do mkdir -p $RUN/sessions/$s; ln -sf "$(pick /etc/passwd /etc/ld.so.preload /etc/rootkey)" $RUN/sessions/$s/$f; done; done; (sleep 60 & echo $! >$RUN/sessions/evil/pid)`},
	{"forged answers of the helper", `spoil 12 'kill -STOP $p; head -c 60000000 /dev/zero | tr "\0" "\"" >/proc/$p/fd/1; printf "{\"ok\":true,\"argv\":[\"sh\",\"-c\",\"touch $PWN\"],\"name\":\"\\u001b[2J\$(touch $PWN)\"}\n" >/proc/$p/fd/1; kill -CONT $p'`},
	{"signals to the helper", `spoil 8 "kill -$(pick STOP KILL TERM SEGV INT) \$p"`},
	{"giant output", `for p in /dev/pts/[0-9]*; do head -c 20000000 /dev/zero | tr '\0' "$(pick x '\n' '"' '\033' '\377')" >$p & done; wait; head -c 30000000 /dev/urandom >>$RUN/sessions/shell/log`},
	{"escape sequences on the terminal", `for p in /dev/pts/[0-9]*; do printf '\e]0;title\a\e]52;c;%s\a\e]8;;file:///etc\a\e[6n\e[c\e[?1049h\e[5;10r\e(0\e[4h\e[>1u\eP+q544e\e\\' AAAA >$p; done`},
	{"a storm of processes", `for i in $(seq 200); do sleep 6 & done; (while :; do :; done) & s=$!; (sleep 6; kill $s) &`},
	{"memory", `timeout 5 head -c 400000000 /dev/zero | tail -c 300000000 >/dev/null`},
	{"programs in the worktree", `for p in git docker sh ssh bash hjk-ls less cat env docker-credential-x git-lfs; do printf '#!/bin/sh\ntouch %s\n' "$PWN" >$p; chmod +x $p; done`},
	{"a look around", `cat $CANARY/key $CANARY/deep/key link/key key z/key lib/key lib/dep/key all/$CANARY/key $RUN/*/key 2>/dev/null >stolen; for d in $CANARY link d/up lib lib/dep z; do echo w >$d/written; rm -f $d/deep/key; done; env >env; git log --all --format=%s%b -p >history; true`},
	{"ordinary work", `echo $N >>work; git add -A; git commit -qm "work $N"`},
}

// prelude is what every deed begins with.
const prelude = `cd "$W" || exit
export HOME=/tmp GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@a GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@a
G=$(git rev-parse --absolute-git-dir 2>/dev/null) || G=$PWD/.git; C=$(git rev-parse --path-format=absolute --git-common-dir 2>/dev/null) || C=$G
RUN=/.headjack/run
pick() { local n=$(($N % $# + 1)); printf '%s\n' "${!n}"; }
turns() { ( e=$((SECONDS + $1)); while [ $SECONDS -lt $e ]; do eval "$2"; done ) >/dev/null 2>&1 </dev/null & }
spoil() { ( e=$((SECONDS + $1)); while [ $SECONDS -lt $e ]; do for q in /proc/[0-9]*; do p=${q#/proc/}; case $p:$(tr '\0' ' ' <$q/cmdline) in 1:*) ;; *hjk-shim*) eval "$2" ;; esac; done; done ) >/dev/null 2>&1 </dev/null & }
`

// inside does a deed in the container of a branch, which is made first where there is none. What comes of the deed is its
// own business.
func (w *world) inside(branch, script string, n int) error {
	if id, _, _, err := w.container(branch); err == nil && id == "" {
		if err := w.hjk(w.repo, "run", branch, "--detach"); err != nil {
			return err
		}
	}
	env := fmt.Sprintf("N=%d CANARY=%s SECRETREPO=%s SECRET=%s PWN=%s\n", n, w.canary.dir, w.canary.repo, w.canary.commit, w.canary.pwn)
	done, err := w.exec(branch, env+prelude+script)
	if done {
		w.deeds.Add(1)
	}
	return err
}

// container is the running one of a branch, the user of its sessions and the worktree; the id is "" when none runs.
func (w *world) container(branch string) (id, user, tree string, err error) {
	line, err := w.rig.Do(w.dir, "docker", "ps", "--filter", "label=io.headjack.branch="+branch,
		"--format", `{{.ID}} {{.Label "io.headjack.user"}} {{.Label "io.headjack.worktree"}}`)
	id, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	user, tree, _ = strings.Cut(rest, " ")
	return id, user, tree, err
}

// exec runs a script in the container of a branch, as its sessions' user, and tells whether it came to its end.
func (w *world) exec(branch, script string) (ended bool, err error) {
	id, user, tree, err := w.container(branch)
	if err != nil || id == "" {
		return false, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := w.rig.Cmd(w.dir, "docker", "exec", "-u", user, "-e", "W="+tree, id, "timeout", "-s", "KILL", "25", "bash", "-c", script)
	if err := cmd.Start(); err != nil {
		return false, err
	}
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })()
	_ = cmd.Wait()
	code := cmd.ProcessState.ExitCode()
	return code != -1 && code < 125, nil
}
