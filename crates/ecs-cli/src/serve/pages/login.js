"use strict";
// The address that was printed has the token behind #: that part is never sent, and is removed from the address here.
(() => {
  const enter = () => {
    const token = decodeURIComponent(location.hash.slice(1));
    if (!token) return;
    history.replaceState(null, "", location.pathname + location.search);
    document.getElementById("token").value = token;
    // One that was refused is not sent again.
    if (!document.getElementById("problem")) document.getElementById("login").submit();
  };
  addEventListener("hashchange", enter);
  enter();
})();
