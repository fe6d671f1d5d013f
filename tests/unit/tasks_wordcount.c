/* tasks_wordcount.c -- word count over folders made for it: what is counted, what is skipped and said, how it is cut
 * into shards. */
#include "unit/tasks_kit.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[64];

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    chmod(path, 0700);
    return remove(path);
}

static void remove_top(void)
{
    nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void set_up(void)
{
    open_trial();
    snprintf(top, sizeof top, "/tmp/jetpipe-words.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(top));
}

static void tear_down(void)
{
    remove_top();
    close_trial();
}

static const char *at(const char *name)
{
    static char paths[8][256];
    static unsigned next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof paths[0], "%s/%s", top, name);
    return path;
}

static void put_bytes(const char *name, const void *data, size_t size)
{
    const int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

    ck_assert_msg(fd >= 0, "%s: %s", name, strerror(errno));
    ck_assert_int_eq(write(fd, data, size), (ssize_t)size);
    close(fd);
}

static void put_text(const char *name, const char *text)
{
    put_bytes(name, text, strlen(text));
}

static const char *count(const char *folder)
{
    const jp_trial_root *root = jp_trial_run(trial, WordCount, folder);

    ck_assert_str_eq(jp_trial_reason(root), "");
    return jp_trial_json(root);
}

/* WordCount and docs/tour/count.sh find the same below `top`. */
static void expect_as_the_tools_count(void)
{
    const char *source = getenv("JETPIPE_SOURCE_DIR");
    char counts[128], command[1024];

    snprintf(counts, sizeof counts, "%s.counts", top); /* beside it: it must not be counted itself */
    const jp_trial_root *root = jp_trial_run(trial, WordCount, (const char *)top, (const char *)counts);
    ck_assert_str_eq(jp_trial_reason(root), "");
    snprintf(command, sizeof command, "sh %s/docs/tour/count.sh '%s' | cmp - '%s'", source ? source : ".", top, counts);
    const int differ = system(command);
    unlink(counts);
    ck_assert_int_eq(differ, 0);
}

START_TEST(words)
{
    put_text("a", "The end; the END.\nx2y don't\xc3\xa9t");
    ck_assert_str_eq(count(top),
                     "{\"files\":1,\"words\":9,\"distinct\":6,\"top\":[{\"word\":\"end\",\"count\":2},"
                     "{\"word\":\"t\",\"count\":2},{\"word\":\"the\",\"count\":2},{\"word\":\"don\",\"count\":1},"
                     "{\"word\":\"x\",\"count\":1},{\"word\":\"y\",\"count\":1}],\"skipped_files\":0,\"skipped\":[]}");
}
END_TEST

START_TEST(nothing)
{
    const char *none = "{\"files\":0,\"words\":0,\"distinct\":0,\"top\":[],\"skipped_files\":0,\"skipped\":[]}";

    ck_assert_str_eq(count(top), none);
    ck_assert_int_eq(mkdir(at("empty"), 0700), 0);
    ck_assert_str_eq(count(top), none);
    put_text("no-words", "1234 5678 \xff\xfe");
    put_text("no-bytes", "");
    ck_assert_ptr_nonnull(strstr(count(top), "{\"files\":2,\"words\":0,\"distinct\":0,\"top\":[]"));
}
END_TEST

START_TEST(words_end_with_their_file)
{
    put_text("a", "one");
    put_text("b", "two");
    ck_assert_ptr_nonnull(strstr(count(top), "\"words\":2"));
}
END_TEST

START_TEST(binary_files)
{
    char late[9001];

    put_bytes("binary", "word\0word", 9);
    memset(late, ' ', sizeof late);
    memcpy(late, "word", 4);
    late[8191] = '\0';
    put_bytes("first-8K", late, sizeof late);
    late[8191] = ' ';
    late[8192] = '\0';
    put_bytes("later", late, sizeof late);
    const char *json = count(top);
    ck_assert_ptr_nonnull(strstr(json, "{\"files\":1,\"words\":1,"));
    ck_assert_ptr_nonnull(strstr(json, "\"skipped_files\":2"));
    ck_assert_ptr_nonnull(strstr(json, "/binary\",\"why\":\"it is a binary file\"}"));
    ck_assert_ptr_nonnull(strstr(json, "/first-8K\",\"why\":"));
}
END_TEST

START_TEST(links_and_overlaps)
{
    put_text("file", "word");
    ck_assert_int_eq(mkdir(at("sub"), 0700), 0);
    put_text("sub/file", "word");
    ck_assert_int_eq(symlink(top, at("sub/loop")), 0);
    ck_assert_int_eq(symlink(at("file"), at("link")), 0);
    ck_assert_int_eq(symlink("/no/such", at("dangling")), 0);
    ck_assert_int_eq(mkfifo(at("fifo"), 0600), 0);
    ck_assert_ptr_nonnull(strstr(count(top), "{\"files\":2,\"words\":2,"));
    ck_assert_ptr_nonnull(
        strstr(count(at("sub/loop")), "{\"files\":2,\"words\":2,")); /* the folder itself may be a link */

    char json[512];
    snprintf(json, sizeof json, "%s/", top);
    const jp_trial_root *root = jp_trial_run(trial, WordCount, (const char *)json);
    ck_assert_ptr_nonnull(strstr(jp_trial_json(root), "{\"files\":2,\"words\":2,"));
}
END_TEST

JP_PIPE(CountTwice, p, .takes = "string folder")
{
    const char *folder = jp_string(p, "folder");
    return jp_return(p, jp_yield(p, WordCount,
                                 jp_array(p, jp_format(p, "%s/sub/", folder), folder,
                                          jp_format(p, "%s/../%s", folder, strrchr(folder, '/') + 1),
                                          jp_format(p, "%s/sub-", folder), jp_format(p, "%s/file", folder))));
}

START_TEST(each_file_once)
{
    close_trial();
    trial = jp_trial_new((const jp_def *const[]){&CountTwice, &WordCount, &CountWords, &MergeCounts, &TopWords, NULL});
    ck_assert_int_eq(mkdir(at("sub"), 0700), 0);
    ck_assert_int_eq(mkdir(at("sub-"), 0700), 0);
    put_text("file", "a");
    put_text("sub/file", "b");
    put_text("sub-/file", "c");
    const jp_trial_root *root = jp_trial_run(trial, CountTwice, (const char *)top);
    ck_assert_msg(strstr(jp_trial_json(root), "{\"files\":3,\"words\":3,\"distinct\":3,") != NULL, "%s%s",
                  jp_trial_json(root), jp_trial_reason(root));
}
END_TEST

START_TEST(names_of_any_bytes)
{
    put_text("with space\nand newline", "a");
    put_text("latin1-\xe9", "a");
    put_text("quote\"back\\slash", "a");
    put_text("-rf", "a");
    ck_assert_int_eq(mkdir(at("dir-\xff"), 0700), 0);
    put_text("dir-\xff/file", "a");
    put_bytes("bin-\xe9", "\0", 1);
    const char *json = count(top);
    ck_assert_msg(strstr(json, "{\"files\":5,\"words\":5,\"distinct\":1,") != NULL, "%s", json);
    ck_assert_ptr_nonnull(strstr(json, "bin-\\\\xe9"));
    expect_as_the_tools_count();
}
END_TEST

START_TEST(missing_folders)
{
    ABORTS("/no/such/folder cannot be read: No such file or directory; name a folder that exists and that the worker "
           "may read",
           WordCount, "/no/such/folder");
    ABORTS("a folder or a list of folders, each a string, not 7", WordCount, 7);
    ABORTS("shard_bytes is 0", WordCount, (const char *)top, jp_v_null(), 0);
    put_text("file", "word");
    ABORTS("cannot be written to /no/such/out: No such file or directory; name a file", WordCount, (const char *)top,
           "/no/such/out");
}
END_TEST

/* As root everything can be read: the run is that of another user then. */
START_TEST(unreadable)
{
    put_text("readable", "word");
    put_text("secret", "word");
    ck_assert_int_eq(chmod(at("secret"), 0), 0);
    if (geteuid() == 0) {
        ck_assert_int_eq(chown(top, 65534, 65534), 0);
        ck_assert_int_eq(chown(at("readable"), 65534, 65534), 0);
        ck_assert_int_eq(seteuid(65534), 0);
    }
    const char *json = count(top);
    ck_assert_msg(strstr(json, "/secret\",\"why\":\"Permission denied\"}") != NULL, "%s", json);
    ck_assert_ptr_nonnull(strstr(json, "{\"files\":1,\"words\":1,"));
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(0), 0);
    ck_assert_int_eq(mkdir(at("closed"), 0), 0);
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(65534), 0);
    ABORTS("/closed cannot be read: Permission denied; name a folder", WordCount, (const char *)top);
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

JP_PIPE(CountThese, p, .takes = "string folder")
{
    const char *folder = jp_string(p, "folder");
    return jp_return(p, jp_yield(p, CountWords,
                                 jp_array(p, jp_format(p, "%s/there", folder), jp_format(p, "%s/gone", folder),
                                          jp_format(p, "%s/fifo", folder), jp_format(p, "%s/link", folder),
                                          jp_format(p, "%s/long", folder), jp_format(p, "%s/there", folder))));
}

START_TEST(files_that_changed_after_they_were_listed)
{
    enum { LONG = 3 * 1024 * 1024 };
    char *word = malloc(LONG + 4);

    close_trial();
    trial = jp_trial_new((const jp_def *const[]){&CountThese, &CountWords, NULL});
    put_text("there", "word there");
    ck_assert_int_eq(mkfifo(at("fifo"), 0600), 0);
    ck_assert_int_eq(symlink(at("there"), at("link")), 0);
    memset(word, 'x', LONG + 4);
    memcpy(word, "in ", 3); /* a word before the long one: it must not be counted either */
    put_bytes("long", word, LONG + 4);
    free(word);
    const jp_trial_root *root = jp_trial_run(trial, CountThese, (const char *)top);
    const char *json = jp_trial_json(root);
    ck_assert_ptr_nonnull(strstr(json, "{\"files\":2,\"skipped_files\":4,"));
    ck_assert_ptr_nonnull(strstr(json, "/gone\",\"why\":\"No such file or directory\""));
    ck_assert_ptr_nonnull(strstr(json, "/fifo\",\"why\":\"not a regular file\""));
    ck_assert_ptr_nonnull(strstr(json, "/link\",\"why\":\"Too many levels of symbolic links\""));
    ck_assert_ptr_nonnull(strstr(json, "/long\",\"why\":\"it holds a word of more than 1048576 letters\""));
    ck_assert_ptr_nonnull(strstr(json, "\"counts\":{\"there\":2,\"word\":2}}"));
}
END_TEST

/* Words that lie across the pieces in which a file is read, and long ones, are counted as the tools count them. */
START_TEST(as_the_tools_count)
{
    enum { SIZE = 5 * 1024 * 1024 };
    char *text = malloc(SIZE);
    uint64_t seed = 88172645463325252u;

    for (size_t i = 0; i < SIZE; i++) {
        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
        const unsigned draw = (unsigned)(seed >> 33) % 100;
        text[i] = (char)(draw < 70 ? "abcdeABXYZ"[draw % 10] : draw < 90 ? '\n' : (int)(128 + draw));
    }
    memset(text + 1024 * 1024 - 3, 'q', 6);             /* across a piece's end */
    memset(text + 2 * 1024 * 1024 - 70000, 'r', 70000); /* ends with one */
    text[2 * 1024 * 1024] = ' ';
    put_bytes("big", text, SIZE);
    put_bytes("small", text, 100);
    free(text);
    expect_as_the_tools_count();
}
END_TEST

START_TEST(shards)
{
    for (int i = 0; i < 25; i++) {
        char name[16];
        snprintf(name, sizeof name, "%02d", i);
        put_text(name, "0123456789");
    }
    put_text("0-large", "this file is larger than a shard");
    const jp_plan *plan = jp_trial_body(trial, WordCount, (const char *)top, jp_v_null(), 30);
    const jp_plan *again = jp_trial_body(trial, WordCount, (const char *)top, jp_v_null(), 30);
    size_t counts = 0, merges = 0;
    for (size_t i = 0; i < jp_plan_children(plan); i++) {
        counts += strcmp(jp_plan_pipe(plan, i), "CountWords") == 0;
        merges += strcmp(jp_plan_pipe(plan, i), "MergeCounts") == 0;
        ck_assert_str_eq(jp_plan_args(plan, i), jp_plan_args(again, i));
    }
    ck_assert_uint_eq(counts, 10); /* the large one, eight of three, one of one */
    ck_assert_uint_eq(merges, 3);  /* of eight, of two, of both */
    ck_assert_str_eq(jp_plan_pipe(plan, jp_plan_children(plan) - 1), "TopWords");
    for (size_t i = 0; i + 1 < jp_plan_children(plan); i++)
        ck_assert(jp_plan_waits(plan, jp_plan_children(plan) - 1, i));
    ck_assert(!jp_plan_waits(plan, 1, 0));
}
END_TEST

START_TEST(more_words_than_a_value_holds)
{
    FILE *file = fopen(at("many"), "w");

    ck_assert_ptr_nonnull(file);
    for (int i = 0; i < 26 * 26 * 26 * 26; i++)
        fprintf(file, "wwwwww%c%c%c%c\n", 'a' + i % 26, 'a' + i / 26 % 26, 'a' + i / 676 % 26, 'a' + i / 17576);
    fclose(file);
    ABORTS("the counts of 456976 different words take 9139520 bytes, and one value holds at most", WordCount,
           (const char *)top);
}
END_TEST

START_TEST(many_skipped_files)
{
    for (int i = 0; i < 400; i++) {
        char name[16];
        snprintf(name, sizeof name, "b%d", i);
        put_bytes(name, "\0", 1);
    }
    const char *json = count(top), *why = json;
    int named = 0;
    while ((why = strstr(why, "\"why\"")) != NULL)
        why++, named++;
    ck_assert_ptr_nonnull(strstr(json, "\"skipped_files\":400"));
    ck_assert_int_eq(named, 128);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, words);
    tcase_add_test(tests, nothing);
    tcase_add_test(tests, words_end_with_their_file);
    tcase_add_test(tests, binary_files);
    tcase_add_test(tests, links_and_overlaps);
    tcase_add_test(tests, each_file_once);
    tcase_add_test(tests, names_of_any_bytes);
    tcase_add_test(tests, missing_folders);
    tcase_add_test(tests, unreadable);
    tcase_add_test(tests, files_that_changed_after_they_were_listed);
    tcase_add_test(tests, as_the_tools_count);
    tcase_add_test(tests, shards);
    tcase_add_test(tests, more_words_than_a_value_holds);
    tcase_add_test(tests, many_skipped_files);
}

int main(void)
{
    return run_suite("tasks_wordcount", set_up, tear_down, fill);
}
