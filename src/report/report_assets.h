/* report_assets.h - files that the HTML page carries within itself, made into arrays while building. */
#ifndef PRIME_REPORT_ASSETS_H
#define PRIME_REPORT_ASSETS_H

extern const char asset_css[], asset_js[], asset_chart[], asset_licence[];

#endif
