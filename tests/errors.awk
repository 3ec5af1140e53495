# errors.awk - the error sites in what `gcov --branch-probabilities --branch-counts --stdout` prints, as rows of
# FILE:LINE, whether its sentence was ever given, and the statement. A site is a call of what fills an Err or refuses a
# command line. It was reached when no call of its statement was "never executed": the line itself is run through
# wherever an `if` stands on it.
BEGIN { site = "(^|[^a-zA-Z_])(FAIL|PULL_FAIL|TASK_FAIL|err_set|yml_fail|cli_usage|cli_unknown|cli_no_memory)\\(" }

function settle()
{
    if (at != "" && calls > 0 && !missed) hit[at] = 1
    at = ""
}

/^ *(-|[0-9]+\*?|#####|=====): *[0-9]+:/ {
    split($0, part, ":")
    number = part[2] + 0
    if (number == 0 && part[3] == "Source") {
        settle()
        file = part[4]
        sub(/^(\.\.\/)*/, "", file)
    }
    source = substr($0, length(part[1]) + length(part[2]) + 3)
    here = number > 0 && part[1] !~ /-/ && file ~ /^src\// && source ~ site && source !~ /^[a-zA-Z]/
    if (calls > 0 || here) settle() # calls stand behind the last line of a statement
    sub(/^ +/, "", source)
    if (here) {
        at = rest = file ":" number
        calls = missed = 0
        if (at in text) rest = ""
        else { order[++n] = at; text[at] = source }
    } else if (rest != "") {
        text[rest] = text[rest] " " source
    }
    if (source ~ /;( |$)/) rest = ""
}
/^call +[0-9]+ / {
    calls++
    if (/never executed/) missed = 1
}
END {
    settle()
    for (i = 1; i <= n; i++) print order[i] "\t" (order[i] in hit) "\t" text[order[i]]
}
