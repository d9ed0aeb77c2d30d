# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# Settings and messages shared by the shell scripts. Usage: . scripts/lib.sh

# Used by the scripts that source this file:
# shellcheck disable=SC2034
ROOT=$(cd "$(dirname "$0")/.." && pwd)
name=$(basename "$0")

# Absolute path of a file that need not exist.
absolute()
{
	case $1 in
	/*) printf '%s\n' "$1" ;;
	*) printf '%s/%s\n' "$PWD" "$1" ;;
	esac
}

# Print a line of progress.
say()
{
	echo "$name: $*"
}

# Print the one line of a refusal and stop.
die()
{
	echo "$name: $*" >&2
	exit 1
}

# Run a command as root: directly, or through sudo.
as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# Free space of the file system that holds a folder, in MiB.
free_mib()
{
	df -Pm "$1" | awk 'NR == 2 { print $4 }'
}

O=$(absolute "${O:-$ROOT/build}")
CACHE=$(absolute "${CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/paravirt-i386}")
LINUX=${LINUX:-}
J=${J:-$(nproc)}
case $J in
0* | *[!0-9]* | ?????*)
	die "J=$J is no number of jobs: set J= to 1 or more, or leave it away"
	;;
esac
export O CACHE LINUX J
