#!/usr/bin/env bash
# Runs an agent on each of several tasks, side by side, answers what they ask, and collects what they did.
#
#   five-agents.sh TASKS ANSWER ARG…
#
# TASKS is a file with a line a task: the name of a new branch, and what the agent is to do. ANSWER is a command. It gets the end of
# an agent's output on standard input, and its branch as HJK_BRANCH; what it prints is the answer. When it prints nothing the agent
# is done. Results are a log and a diff for each branch, in $RESULTS (./results). AGENT (claude) is who works; LIMIT (1h) is how long
# all of them may be quiet.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
tasks=$1
shift
results=${RESULTS:-results}
mkdir -p "$results"
base=$(git rev-parse HEAD)

branches=()
while read -r branch prompt; do
	[ -n "$branch" ] || continue
	hjk-ls run "$branch" --agent "${AGENT:-claude}" --session task --detach -- "$prompt" </dev/null >/dev/null
	branches+=("$branch:task")
done <"$tasks"

# collect keeps what a branch's agent did, and ends its container. Nothing is removed: `hjk-ls rm` does that.
collect() { # BRANCH HOW
	local file=$results/${1//\//-}
	hjk-ls logs "$1" task -n -1 >"$file.log"
	hjk-ls stop "$1" >/dev/null
	git diff "$base...$1" >"$file.diff"
	echo "$1 $2: $(git rev-list --count "$base..$1") commits"
	local left=() b
	for b in "${branches[@]}"; do [ "$b" = "$1:task" ] || left+=("$b"); done
	branches=(${left[@]+"${left[@]}"})
}

# answer gives a waiting agent the next thing to do. Exit code 5 of send: somebody else has answered it just now.
answer() { # BRANCH
	local text code=0
	text=$(hjk-ls logs "$1" task -n 20 | HJK_BRANCH=$1 "${@:2}")
	if [ -z "$text" ]; then
		collect "$1" "is done"
		return
	fi
	hjk-ls send "$1" task -- "$text" >/dev/null || code=$?
	[ "$code" = 0 ] || [ "$code" = 5 ]
}

while [ ${#branches[@]} -gt 0 ]; do
	code=0
	said=$(hjk-ls wait --any --timeout "${LIMIT:-1h}" "${branches[@]}") || code=$?
	case $code in
	0 | 10 | 11) ;;
	124) echo "nobody asked or ended in ${LIMIT:-1h}: ${branches[*]}" >&2; exit 1 ;;
	*) exit "$code" ;;
	esac
	while read -r branch _ how status <&3; do
		case $how in
		waiting) answer "$branch" "$@" </dev/null ;;
		*) collect "$branch" "$how${status:+ $status}" ;;
		esac
	done 3<<<"$said"
done
