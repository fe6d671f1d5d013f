/* ticket.c -- tickets: base64url (RFC 4648, without padding) of pipeline key, step and token. One text for one ticket:
 * spare bits of the last character must be zero. */
#include "body/body.h"
#include <string.h>

enum { RAW = JPX_PIPELINE_SIZE + 4 + JPX_TOKEN_SIZE, DIGITS = JPX_TICKET_TEXT - 1 };
_Static_assert((RAW * 8 + 5) / 6 == DIGITS, "a ticket's text has room for all of it");

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void jpx_ticket_text(char out[JPX_TICKET_TEXT], const jpx_key *key, uint32_t step, const uint8_t token[JPX_TOKEN_SIZE])
{
    uint8_t raw[RAW + 1] = {0}; /* one zero byte for the last character's spare bits */

    memcpy(raw, key->b, JPX_PIPELINE_SIZE);
    jpx_put32(raw + JPX_PIPELINE_SIZE, step);
    memcpy(raw + JPX_PIPELINE_SIZE + 4, token, JPX_TOKEN_SIZE);
    for (size_t i = 0; i < DIGITS; i++) {
        const size_t bit = i * 6;
        const unsigned two = (unsigned)raw[bit / 8] << 8 | raw[bit / 8 + 1];
        out[i] = alphabet[two >> (10 - bit % 8) & 63];
    }
    out[DIGITS] = '\0';
}

bool jpx_ticket_parse(const char *text, jpx_key *key, uint32_t *step, uint8_t token[JPX_TOKEN_SIZE])
{
    uint8_t raw[RAW + 1] = {0};

    if (strnlen(text, DIGITS + 1) != DIGITS)
        return false;
    for (size_t i = 0; i < DIGITS; i++) {
        const char *digit = strchr(alphabet, text[i]);
        if (!digit)
            return false;
        const size_t bit = i * 6;
        const unsigned shifted = (unsigned)(digit - alphabet) << (10 - bit % 8);
        raw[bit / 8] = (uint8_t)(raw[bit / 8] | shifted >> 8);
        raw[bit / 8 + 1] = (uint8_t)(raw[bit / 8 + 1] | (shifted & 255));
    }
    if (raw[RAW] != 0)
        return false;
    memcpy(key->b, raw, JPX_PIPELINE_SIZE);
    *step = jpx_get32(raw + JPX_PIPELINE_SIZE);
    memcpy(token, raw + JPX_PIPELINE_SIZE + 4, JPX_TOKEN_SIZE);
    return true;
}
