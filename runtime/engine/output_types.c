/* output_types.c -- late type check. A parent may return a child's future even though the child's .gives is looser than
 * its own. The link then carries the parent's type, and the value is checked when it arrives. */
#include "engine/effects.h"
#include <string.h>

jp_status jpx_output_types_fit(const jpx_pipeline *p, const char *slot, jpx_bytes value, jp_error *err)
{
    for (size_t i = 0; i < p->links_count; i++) {
        const char *type = p->links[i].type, *given;
        if (type && strcmp(p->links[i].slot, slot) == 0 && !jpx_type_holds(type, value, &given))
            return jpx_fail(err, JP_E_INVALID,
                            "its output %s is handed on as %s, is %s: say in .gives or .fills what %s gives", slot,
                            type, given, p->pipe);
    }
    return JP_OK;
}

jp_status jpx_output_types_check(const jpx_pipeline *p, const jpx_outcome *outcome, jp_error *err)
{
    const bool fills = outcome->end == JPX_END_RETURN || outcome->end == JPX_END_WAIT;
    jp_error cause;

    for (size_t i = 0; fills && p->links_count && i < outcome->outputs_count; i++) {
        const jpx_output *output = &outcome->outputs[i];
        if (!output->forwarded && jpx_output_types_fit(p, output->slot, output->value, &cause) != JP_OK)
            return jpx_fail(err, JP_E_INVALID, "%s, %s: %s", p->pipe, p->at ? p->at : "a yield", cause.text);
    }
    return JP_OK;
}
