#pragma once
// Private to the MMSA reader: names of clips, whichever way the files of others write them.

#include <string>
#include <vector>

#include "kuda/io/pickle/value.h"

namespace kuda {

/// One name per row: texts, bytes, whole numbers. A row of several (video, begin, end, as the files of MulT's authors
/// have it: [N, 3] of bytes, texts or numbers) is joined: "video$_$begin_end". Throws DataError naming the row.
[[nodiscard]] std::vector<std::string> read_ids(const io::Value& column, const std::string& where);

}  // namespace kuda
