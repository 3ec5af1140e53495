/* embed.c - run while the program is built: embed OUT NAME FILE [NAME FILE]... writes a C source in which
 * NAME
 * [] holds the bytes of FILE and a closing NUL. */
#include <stdio.h>

static int embed_file(FILE *out, const char *name, const char *path)
{
    FILE *in = fopen(path, "rb");
    if (in == NULL) return 1;
    fprintf(out, "extern const char %s[];\nconst char %s[] = {", name, name);
    size_t n = 0;
    for (int c; (c = getc(in)) != EOF; n++) fprintf(out, "%s(char)%d,", n % 20 == 0 ? "\n" : "", c);
    fprintf(out, "0};\n");
    int bad = ferror(in);
    fclose(in);
    return bad;
}

int main(int argc, char **argv)
{
    if (argc < 4 || argc % 2 != 0) return 2;
    FILE *out = fopen(argv[1], "wb");
    if (out == NULL) return 1;
    int bad = 0;
    for (int i = 2; i < argc; i += 2) bad |= embed_file(out, argv[i], argv[i + 1]);
    return fclose(out) != 0 || bad;
}
