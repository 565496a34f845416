#include "kuda/serve/page.h"

#include "embedded_files.h"

namespace kuda {

std::optional<PageFile> page_file(std::string_view path, std::string_view accept) {
  if (path == "/page.css") return PageFile{kPageStyle, "text/css; charset=utf-8"};
  if (path == "/page.js") return PageFile{kPageScript, "text/javascript; charset=utf-8"};
  if (path == "/" && accept.find("text/html") != std::string_view::npos)
    return PageFile{kPageDocument, "text/html; charset=utf-8"};
  return std::nullopt;
}

const std::vector<std::pair<const char*, const char*>>& page_headers() {
  static const std::vector<std::pair<const char*, const char*>> all{
      {"Content-Security-Policy",
       "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; media-src blob:; "
       "base-uri 'none'; "
       "form-action 'none'; frame-ancestors 'none'"},
      {"Referrer-Policy", "no-referrer"},
      {"Cache-Control", "no-cache"},  // the next version of the program brings other files
      {"Vary", "Accept"}};
  return all;
}

}  // namespace kuda
