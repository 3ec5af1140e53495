# commands.awk - commands of prime that Markdown files name, held against its tables. First file: a line "noun verb"
# (verb "-" where a noun has none) for each command, with its options behind it; then the pages. A line for each mistake;
# at the end "N commands". Looked at are fenced and indented blocks and `inline code`; words in capitals, dots and what
# stands in quotes are place-holders.
function complain(what) { print FILENAME ":" FNR ": " what; bad = 1 }
function check(words, n, i,    noun, verb, o) {
    noun = words[i]
    sub(/^--help$/, "help", noun)
    sub(/^--version$/, "version", noun)
    if (noun !~ /^[a-z]/) return
    commands++
    if (!(noun in nouns)) { complain("no command 'prime " noun "'"); return }
    verb = "-"
    if (!((noun, "-") in options)) {
        verb = words[++i]
        if (verb == "" || verb == "--help" || verb ~ /^([A-Z.]|\.\.\.)/) return
        if (!((noun, verb) in options)) { complain("no command 'prime " noun " " verb "'"); return }
    }
    for (i++; i <= n; i++) {
        o = words[i]
        sub(/[=,].*$/, "", o)
        if (o ~ /^(--[a-z]|-[a-z]$)/ && index(options[noun, verb], " " o " ") == 0)
            complain("no option " o " of 'prime " noun (verb == "-" ? "" : " " verb) "'")
    }
}
function code(text,    piece, k, p, words, n, i) {
    gsub(/["']prime /, "; prime ", text) # a command within a string is one
    gsub(/'[^']*'|"[^"]*"/, "QUOTED", text)
    sub(/ #.*$/, "", text)
    k = split(text, piece, /[|;()<>&]+|\]|\[/)
    for (p = 1; p <= k; p++) {
        n = split(piece[p], words, /[ \t]+/)
        for (i = 1; i < n && words[i] ~ /^$|^([$!-]|do|then|else|run:|nice)$|=/; i++);
        if (i < n && words[i] ~ /^(.*\/)?prime$/) check(words, n, i + 1)
    }
}
NR == FNR {
    nouns[$1]
    options[$1, $2] = " " substr($0, length($1 " " $2) + 2) " "
    next
}
FNR == 1 { fenced = 0; joined = "" }
/^ *```/ { fenced = !fenced; next }
fenced || /^    / {
    line = joined $0
    joined = ""
    if (line ~ /\\$/) { joined = substr(line, 1, length(line) - 1); next }
    code(line)
    next
}
{
    joined = ""
    k = split($0, span, "`")
    for (s = 2; s <= k; s += 2) code(span[s])
}
END { print commands + 0 " commands"; exit bad }
