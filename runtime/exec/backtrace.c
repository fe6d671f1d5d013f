/* backtrace.c -- addresses to places, by libdw; see backtrace.h. Blocks for as long as reading the debug information
 * takes. */
#include "exec/backtrace.h"
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct jpx_trace {
    Dwfl *dwfl;
    uint64_t maps_hash; /* of the map that dwfl was made from */
};

/* By build id from local folders. The standard callback would ask debuginfod servers, with the worker's loop waiting.
 */
static int find_debuginfo(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base, const char *file,
                          const char *link, GElf_Word crc, char **out)
{
    (void)file, (void)link, (void)crc;
    return dwfl_build_id_find_debuginfo(module, userdata, name, base, NULL, NULL, 0, out);
}

static const Dwfl_Callbacks callbacks = {.find_elf = dwfl_linux_proc_find_elf, .find_debuginfo = find_debuginfo};

/* The lines that name a file: heaps and stacks differ from process to process, libraries seldom. */
static jpx_bytes file_lines(jpx_arena *arena, jpx_bytes maps)
{
    uint8_t *out = jpx_alloc(arena, maps.size + 1);
    size_t size = 0;

    for (const uint8_t *at = maps.data, *end = maps.data + maps.size; at < end;) {
        const uint8_t *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop)
            break; /* the last one was cut off */
        size_t length = (size_t)(stop - at) + 1;
        const uint8_t *path = memchr(at, '/', length);
        if (path && memcmp(path, "/memfd:", stop - path >= 7 ? 7 : (size_t)(stop - path)) != 0) {
            memcpy(out + size, at, length);
            size += length;
        }
        at = stop + 1;
    }
    return (jpx_bytes){out, size};
}

static jpx_bytes own_maps(jpx_arena *arena)
{
    FILE *file = fopen("/proc/self/maps", "re");
    char line[4096 + 256];
    uint8_t *items = NULL;
    size_t count = 0, cap = 0;

    while (file && fgets(line, sizeof line, file))
        for (const char *c = line; *c; c++)
            JPX_PUSH(arena, items, count, cap) = (uint8_t)*c;
    if (file)
        fclose(file);
    return (jpx_bytes){items, count};
}

static void load(jpx_trace *trace, jpx_bytes maps, jpx_arena *arena)
{
    maps = file_lines(arena, maps.size ? maps : own_maps(arena));
    uint64_t hash = jpx_hash(maps.data, maps.size);
    if ((trace->dwfl && trace->maps_hash == hash) || maps.size == 0)
        return;
    dwfl_end(trace->dwfl);
    trace->dwfl = dwfl_begin(&callbacks);
    trace->maps_hash = hash;
    FILE *text = fmemopen((void *)(uintptr_t)maps.data, maps.size, "r");
    if (text && trace->dwfl) {
        dwfl_report_begin(trace->dwfl);
        dwfl_linux_proc_maps_report(trace->dwfl, text);
        dwfl_report_end(trace->dwfl, NULL, NULL);
    }
    if (text)
        fclose(text);
}

jpx_trace *jpx_trace_new(void)
{
    jpx_trace *trace = calloc(1, sizeof *trace);
    JPX_ASSERT(trace != NULL);
    return trace;
}

void jpx_trace_free(jpx_trace *trace)
{
    if (!trace)
        return;
    dwfl_end(trace->dwfl);
    free(trace);
}

static bool is_function(Dwarf_Die *die)
{
    int tag = dwarf_tag(die);
    return tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine;
}

/* Where the call stands that was inlined as `die`. */
static void call_place(Dwarf_Die *unit, Dwarf_Die *die, jpx_arena *arena, jpx_frame *out)
{
    Dwarf_Attribute attribute;
    Dwarf_Word line = 0, index = 0;
    Dwarf_Files *files;
    size_t count;

    out->file = NULL;
    out->line = 0;
    if (dwarf_formudata(dwarf_attr(die, DW_AT_call_line, &attribute), &line) == 0)
        out->line = (int)line;
    if (dwarf_formudata(dwarf_attr(die, DW_AT_call_file, &attribute), &index) == 0 &&
        dwarf_getsrcfiles(unit, &files, &count) == 0 && index < count) {
        const char *file = dwarf_filesrc(files, (size_t)index, NULL, NULL);
        out->file = file ? jpx_strdup(arena, file) : NULL;
    }
}

/* The source file an address was compiled from; NULL = no debug information. *address becomes what libdw calls it. */
static Dwarf_Die *unit_of(Dwfl_Module *module, Dwarf_Addr *address)
{
    Dwarf_Addr bias = 0;
    Dwarf_Die *unit = dwfl_module_addrdie(module, *address, &bias);
    bool found = unit != NULL;

    while (!found && (unit = dwfl_module_nextcu(module, unit, &bias)) != NULL) /* clang writes no index of addresses */
        found = dwarf_haspc(unit, *address - bias) > 0;
    *address -= bias;
    return unit;
}

/* The functions at this address, from the innermost inlined one outwards; 0 = no debug information. */
static size_t by_dwarf(Dwarf_Die *unit, Dwarf_Addr address, jpx_arena *arena, jpx_frame *out, size_t max)
{
    Dwarf_Die *scopes = NULL, *nest = NULL;
    jpx_frame place = out[0];
    size_t filled = 0;

    int count = dwarf_getscopes(unit, address, &scopes), inner = 0;
    while (inner < count && !is_function(&scopes[inner]))
        inner++;
    if (inner < count) {
        int depth = dwarf_getscopes_die(&scopes[inner], &nest);
        for (int i = 0; i < depth && filled < max; i++) {
            if (!is_function(&nest[i]))
                continue;
            const char *name = dwarf_diename(&nest[i]);
            place.function = name ? jpx_strdup(arena, name) : NULL;
            place.inlined = dwarf_tag(&nest[i]) == DW_TAG_inlined_subroutine;
            out[filled++] = place;
            if (!place.inlined)
                break;
            call_place(unit, &nest[i], arena, &place);
        }
    }
    free(scopes);
    free(nest);
    return filled;
}

static const char *by_symbol(Dwfl_Module *module, Dwarf_Addr address, jpx_arena *arena)
{
    GElf_Off offset;
    GElf_Sym symbol;
    const char *name = dwfl_module_addrinfo(module, address, &offset, &symbol, NULL, NULL, NULL);
    /* The nearest symbol before the address is another function's if it ends before it. */
    if (!name || (symbol.st_size != 0 && offset >= symbol.st_size))
        return NULL;
    return jpx_strdup(arena, name);
}

static size_t resolve_one(jpx_trace *trace, Dwarf_Addr address, jpx_arena *arena, jpx_frame *out, size_t max)
{
    Dwfl_Module *module = trace->dwfl ? dwfl_addrmodule(trace->dwfl, address) : NULL;
    Dwarf_Addr start = 0;

    out[0] = (jpx_frame){.offset = address};
    if (!module)
        return 1;
    const char *path = dwfl_module_info(module, NULL, &start, NULL, NULL, NULL, NULL, NULL);
    out[0].module = path ? jpx_strdup(arena, path) : NULL;
    out[0].offset = address - start;
    Dwarf_Addr in_unit = address;
    Dwarf_Die *unit = unit_of(module, &in_unit);
    Dwarf_Line *line = unit ? dwarf_getsrc_die(unit, in_unit) : NULL;
    if (line && dwarf_lineno(line, &out[0].line) == 0) {
        const char *file = dwarf_linesrc(line, NULL, NULL);
        out[0].file = file ? jpx_strdup(arena, file) : NULL;
    }
    size_t filled = unit ? by_dwarf(unit, in_unit, arena, out, max) : 0;
    if (filled == 0) {
        out[0].function = by_symbol(module, address, arena);
        filled = 1;
    }
    return filled;
}

size_t jpx_trace_resolve(jpx_trace *trace, jpx_bytes maps, void *const *addresses, size_t count, bool first_exact,
                         jpx_arena *arena, jpx_frame *out, size_t max)
{
    size_t filled = 0;

    load(trace, maps, arena);
    for (size_t i = 0; i < count && filled < max; i++) {
        Dwarf_Addr address = (Dwarf_Addr)(uintptr_t)addresses[i];
        if (address != 0 && !(i == 0 && first_exact))
            address--;
        filled += resolve_one(trace, address, arena, out + filled, max - filled);
    }
    return filled;
}
