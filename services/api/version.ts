/** The version the API tells; a test holds it equal to package.json. */
export const apiVersion = "0.1.0";
