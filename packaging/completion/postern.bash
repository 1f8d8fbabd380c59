# SPDX-License-Identifier: Apache-2.0
# bash completion for postern.
# Commands and options come from the program's --help, the only list of them.

# The words of a help text: the first column of lines indented by two blanks (commands), or options.
_postern_commands() { "$@" --help 2>/dev/null | sed -nE 's/^  ([a-z][a-z0-9-]*)( .*)?$/\1/p' | sort -u; }
_postern_options() { "$@" --help 2>/dev/null | sed -nE 's/^  (-[A-Za-z],)?(-[-A-Za-z]+).*/\1 \2/p' | tr , ' '; }

_postern() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} word values=
    local program=${COMP_WORDS[0]} config=/etc/postern/postern.toml
    local -a command=()
    COMPREPLY=()

    # The command so far: words before the first option. FILE of --config, wherever it stands.
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        [[ $word != -* ]] || break
        command+=("$word")
    done
    for ((word = 1; word < COMP_CWORD - 1; word++)); do
        [[ ${COMP_WORDS[word]} != -c && ${COMP_WORDS[word]} != --config ]] || config=${COMP_WORDS[word + 1]}
    done
    [[ ${command[0]-} == plan || ${command[0]-} == dns || ${command[0]-} == endpoint || ${command[0]-} == publish || ${command[0]-} == k8s ]] && command=("${command[@]:0:2}") || command=("${command[@]:0:1}")

    case $prev in
        -c | --config | --folder | -k | --key-file | --out | --token-file | --ca-file | --bundle)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            return
            ;;
        --to)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            return
            ;;
        --ttl) values="5s 30s" ;;
        --format)
            case ${command[1]-} in
                privatezone) values="text json terraform" ;;
                *) values="json hosts" ;;
            esac
            ;;
        --mode) values="auto split full" ;;
        --lang) values="en zh" ;;
        --for) [[ ${command[0]-} == k8s ]] && values="coredns nodelocal ack" || values="15m 1h 4h 1d" ;;
        --only | --skip) values=$("$program" doctor --list 2>/dev/null | sed 's/ .*//') ;;
        --state) values="up degraded down unknown" ;;
        --output) values="short wide json" ;;
        --link) values=$(_postern_links "$config") ;;
        -o)
            [[ ${command[0]-} == logs ]] && values="short wide json" || values=
            ;;
        --address | --bandwidth | --bind | --client-token | --count | -n | --fleet | --from | --host | --interface | --interval | --ip | --lines | --name | \
            --namespace | --node-address | --open-to | --owner | --port | --publisher | --reason | --region | --region-of-service | --resource-group | \
            --security-group | --server | --service | --since | --tag | --timeout | --until | --valid-for | --vpc | --vswitch | --zone)
            # -n of dns, endpoint and publish is --dry-run and takes nothing
            [[ $prev == -n && (${command[0]-} == dns || ${command[0]-} == endpoint || ${command[0]-} == publish) ]] || return
            ;;
    esac
    if [[ -z $values ]]; then
        if [[ $cur == -* ]]; then
            values=$(_postern_options "$program" "${command[@]}")
            values=${values:---help --version}
        elif [[ $COMP_CWORD == 1 ]]; then
            values=$(_postern_commands "$program")
        elif [[ $COMP_CWORD == 2 && (${command[0]-} == plan || ${command[0]-} == dns || ${command[0]-} == endpoint || ${command[0]-} == publish || ${command[0]-} == k8s) ]]; then
            values=$(_postern_commands "$program" "${command[0]}")
        elif [[ $COMP_CWORD == 3 && ${command[*]} == "endpoint zone" ]]; then
            values="add remove"
        elif [[ $COMP_CWORD == 4 && ${command[*]} == "endpoint export" ]]; then
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            return
        elif [[ $COMP_CWORD == 2 && ${command[0]-} == drain ]]; then
            values=status
        elif [[ ${command[0]-} == endpoint ]]; then
            values=$(sed -nE '/^[[:space:]]*endpoint[[:space:]]*=/s/[^"]*"(ep-[^"]*)"[^"]*/\1 /gp' "$config" 2>/dev/null)
        elif [[ ${command[0]-} == probe || ${command[0]-} == publish ]]; then
            values=$(_postern_links "$config")
        elif [[ ${command[0]-} == resolve ]]; then
            values=$(sed -nE 's/^[[:space:]]*host[[:space:]]*=[[:space:]]*"([^"]*)".*/\1/p' "$config" 2>/dev/null)
        elif [[ ${command[*]} == "plan show" || ${command[*]} == "publish keygen" || $prev == -o ]]; then
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            return
        fi
    fi
    mapfile -t COMPREPLY < <(compgen -W "$values" -- "$cur")
}

# Only links have a name.
_postern_links() { sed -nE 's/^[[:space:]]*name[[:space:]]*=[[:space:]]*"([^"]*)".*/\1/p' "$1" 2>/dev/null; }

complete -F _postern postern
