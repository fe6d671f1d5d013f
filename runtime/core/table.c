/* table.c -- the names of the tables and the sizes of their ids. */
#include "core/table.h"

static const struct {
    const char *name;
    size_t id_size;
} tables[JPX_TABLES] = {
#define TABLE(name, text, size) [JPX_TABLE_##name] = {text, size},
    JPX_TABLE_MAP(TABLE)
#undef TABLE
};

const char *jpx_table_name(jpx_table table)
{
    JPX_ASSERT(table < JPX_TABLES);
    return tables[table].name;
}

size_t jpx_table_id_size(jpx_table table)
{
    JPX_ASSERT(table < JPX_TABLES);
    return tables[table].id_size;
}
