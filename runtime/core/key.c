/* key.c -- the layout of the keys, and keys as text. */
#include "core/key.h"
#include <stdio.h>
#include <string.h>

void jpx_put32(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (24 - 8 * i));
}

uint32_t jpx_get32(const uint8_t *in)
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

void jpx_put64(uint8_t *out, uint64_t value)
{
    jpx_put32(out, (uint32_t)(value >> 32));
    jpx_put32(out + 4, (uint32_t)value);
}

uint64_t jpx_get64(const uint8_t *in)
{
    return (uint64_t)jpx_get32(in) << 32 | jpx_get32(in + 4);
}

jpx_key jpx_key_make(jpx_root_id root, const uint8_t gen[JPX_GEN_SIZE], uint32_t index)
{
    jpx_key key;
    memcpy(key.b, root.b, JPX_ROOT_SIZE);
    memcpy(key.b + JPX_ROOT_SIZE, gen, JPX_GEN_SIZE);
    jpx_put32(key.b + JPX_ROOT_SIZE + JPX_GEN_SIZE, index);
    return key;
}

jpx_key jpx_key_root(jpx_root_id root)
{
    static const uint8_t zero[JPX_GEN_SIZE];
    return jpx_key_make(root, zero, 0);
}

bool jpx_key_is_root(const jpx_key *key)
{
    static const uint8_t zero[JPX_GEN_SIZE];
    return memcmp(jpx_key_gen(key), zero, JPX_GEN_SIZE) == 0;
}

jpx_root_id jpx_key_root_id(const jpx_key *key)
{
    jpx_root_id root;
    memcpy(root.b, key->b, JPX_ROOT_SIZE);
    return root;
}

const uint8_t *jpx_key_gen(const jpx_key *key)
{
    return key->b + JPX_ROOT_SIZE;
}

uint32_t jpx_key_index(const jpx_key *key)
{
    return jpx_get32(key->b + JPX_ROOT_SIZE + JPX_GEN_SIZE);
}

bool jpx_key_equal(const jpx_key *a, const jpx_key *b)
{
    return memcmp(a->b, b->b, JPX_PIPELINE_SIZE) == 0;
}

void jpx_entry_id(uint8_t out[JPX_ENTRY_SIZE], const jpx_key *key, uint32_t step)
{
    memcpy(out, key->b, JPX_PIPELINE_SIZE);
    jpx_put32(out + JPX_PIPELINE_SIZE, step);
}

void jpx_barrier_id(uint8_t out[JPX_BARRIER_SIZE], const jpx_key *key, uint32_t part)
{
    jpx_entry_id(out, key, part);
}

void jpx_fill_id(uint8_t out[JPX_FILL_SIZE], const jpx_key *key, const char *slot)
{
    memcpy(out, key->b, JPX_PIPELINE_SIZE);
    jpx_put64(out + JPX_PIPELINE_SIZE, jpx_hash(slot, strlen(slot)));
}

void jpx_timer_id(uint8_t out[JPX_TIMER_SIZE], int64_t due_ms, const jpx_key *key, uint32_t step)
{
    jpx_put64(out, (uint64_t)due_ms);
    jpx_entry_id(out + 8, key, step);
}

void jpx_tail_id(uint8_t out[JPX_VALUE_SIZE], const jpx_key *key, uint32_t step, const uint8_t tail[8])
{
    jpx_entry_id(out, key, step);
    memcpy(out + JPX_ENTRY_SIZE, tail, 8);
}

void jpx_id_bounds(uint8_t *lo, uint8_t *hi, size_t size, const uint8_t *first, const uint8_t *last, size_t common)
{
    memcpy(lo, first, common);
    memset(lo + common, 0, size - common);
    memcpy(hi, last, common);
    memset(hi + common, 0xff, size - common);
}

const char *jpx_root_text(char out[JPX_ROOT_TEXT], const jpx_root_id *root)
{
    jpx_hex(out, root->b, JPX_ROOT_SIZE);
    return out;
}

bool jpx_root_parse(jpx_root_id *root, const char *text)
{
    return strlen(text) == 2 * JPX_ROOT_SIZE && jpx_unhex(root->b, JPX_ROOT_SIZE, text);
}

const char *jpx_key_text(char out[JPX_KEY_TEXT], const jpx_key *key)
{
    char gen[2 * JPX_GEN_SIZE + 1];
    jpx_hex(gen, jpx_key_gen(key), JPX_GEN_SIZE);
    snprintf(out, JPX_KEY_TEXT, "%s:%u", gen, jpx_key_index(key));
    return out;
}

jpx_root_id jpx_root_new(int64_t now_ms, const uint8_t random[6])
{
    jpx_root_id root;
    uint8_t ms[8];
    jpx_put64(ms, (uint64_t)now_ms);
    memcpy(root.b, ms + 2, 6);
    memcpy(root.b + 6, random, 6);
    return root;
}
