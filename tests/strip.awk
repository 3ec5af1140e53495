# strip.awk - C sources without comments and without the insides of string and character literals, as lines
# "FILE:LINE:text". Quoted names of #include are kept. Other scripts look for words in what is left.
FNR == 1 { in_comment = 0 }
{
    line = $0
    out = ""
    quote = ""
    is_include = line ~ /^[ \t]*#[ \t]*include/
    n = length(line)
    for (i = 1; i <= n; i++) {
        c = substr(line, i, 1)
        two = substr(line, i, 2)
        if (in_comment) {
            if (two == "*/") { in_comment = 0; i++ }
        } else if (quote != "") {
            if (c == "\\") i++
            else if (c == quote) { quote = ""; out = out c }
        } else if (two == "/*") { in_comment = 1; i++ }
        else if (two == "//") break
        else {
            if (!is_include && (c == "\"" || c == "'")) quote = c
            out = out c
        }
    }
    print FILENAME ":" FNR ":" out
}
