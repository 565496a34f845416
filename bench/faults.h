#pragma once
// Clients that behave badly, for serve_faults.cpp. What each sends follows from the seed of its Random alone.

#include <functional>
#include <string>
#include <vector>

#include "kuda/base/random.h"
#include "kuda/serve/http/test_connection.h"

namespace kuda {

/// A request and the score that the server gave it while nobody else asked.
struct Clip {
  std::string body;
  double score = 0;
};

struct Outcome {
  int status = 0;         ///< of the answer; 0: none, and none was due
  std::string wrong{};    ///< what broke a promise; empty: nothing
  double difference = 0;  ///< of the score from the one that the server gives alone
};

struct Attack {
  int port;
  std::size_t body_bytes;  ///< the server's limit
  const std::vector<Clip>& clips;
  Random& random;
};

struct Fault {
  const char* name;
  bool is_long;  ///< it waits for one of the server's time limits
  std::function<Outcome(Attack&)> run;
};
[[nodiscard]] const std::vector<Fault>& faults();

/// 200 with the clip's score, up to float32 rounding of its neighbours in a batch; or 503, whole.
[[nodiscard]] Outcome scored(const test::RawAnswer& answer, const Clip& clip);

}  // namespace kuda
