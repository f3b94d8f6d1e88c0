window.onload = () => {
  const key = "porpoise-token";
  let token = sessionStorage.getItem(key);
  if (!token) {
    token = window.prompt("Token (kept in this tab only)") || "";
    sessionStorage.setItem(key, token);
  }
  window.ui = SwaggerUIBundle({
    url: "/api/openapi.json",
    dom_id: "#swagger-ui",
    deepLinking: true,
    validatorUrl: null,
    // The bar of the standalone layout would offer other descriptions, which the page may not load.
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
    requestInterceptor: (request) => {
      const local = new URL(request.url, location.href).origin === location.origin;
      if (local && token && !request.headers.Authorization) {
        request.headers.Authorization = `Bearer ${token}`;
      }
      return request;
    },
    responseInterceptor: (response) => {
      if (response.status === 401) sessionStorage.removeItem(key);
      return response;
    },
  });
};
