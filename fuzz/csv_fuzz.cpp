#include "kuda/io/csv.h"

#include <cstdlib>

#include "one_input.h"

namespace {

/// A table that was read is written and read again: the cells must be the same.
void require_same_again(const kuda::io::CsvTable& table, const std::string& name) {
  std::string again = kuda::io::csv_line(table.header);
  for (const auto& row : table.rows) again += kuda::io::csv_line(row);
  if (kuda::io::parse_csv(again, name).rows != table.rows) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)kuda::fuzz::one_input(data, size, [](auto bytes, auto, const auto& name) {
    require_same_again(kuda::io::parse_any_csv({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, name),
                       name);
  });
  return kuda::fuzz::one_input(data, size, [](auto bytes, auto, const auto& name) {
    require_same_again(kuda::io::parse_csv({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, name), name);
  });
}
